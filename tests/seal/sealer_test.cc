#include "agent/seal/sealer.h"

#include <gtest/gtest.h>

#include "agent/seal/envelope.h"
#include "tests/support/samples.h"

namespace obhut::seal {
namespace {

using tests::sample_keyring;

const Salt kSalt = tests::id_of_all<Salt>(0x5a);

ObjectCipher cipher_for(const Keyring& keyring, SealedKind kind = SealedKind::kDataPack,
                        const Salt& salt = kSalt, ByteView context = {}) {
  return std::move(*ObjectCipher::derive(keyring, kind, 1, salt, context));
}

struct Sealed {
  Bytes bytes;
  Place place;
};

Sealed seal_at(const Keyring& keyring, std::uint32_t position, ByteView plain) {
  Sealer sealer(keyring);
  ObjectCipher cipher = cipher_for(keyring);
  Sealed sealed;
  sealed.bytes.resize(sealed_bound(plain.size()));
  const Result<SealedBody> body = sealer.seal(cipher, position, plain, sealed.bytes);
  CHECK(body.has_value());
  sealed.bytes.resize(body->sealed_length);
  sealed.place = {position, body->codec, static_cast<std::uint32_t>(plain.size())};
  return sealed;
}

TEST(Sealer, OpensToWhatWasSealed) {
  const Keyring keyring = sample_keyring();
  Opener opener;
  for (const Bytes& plain : {Bytes{}, Bytes{1}, tests::text_bytes(100, 1),
                             tests::text_bytes(3U << 20U, 2), tests::random_bytes(1U << 20U, 3)}) {
    const Sealed sealed = seal_at(keyring, 7, plain);
    ObjectCipher cipher = cipher_for(keyring);
    Bytes opened(plain.size());

    ASSERT_TRUE(opener.open(cipher, sealed.place, sealed.bytes, opened));
    EXPECT_TRUE(opened == plain);
  }
}

TEST(Sealer, ShrinksTextAndLeavesRandomBytesRaw) {
  const Keyring keyring = sample_keyring();

  EXPECT_EQ(seal_at(keyring, 0, tests::text_bytes(100'000, 1)).place.codec, model::Codec::kZstd);
  const Sealed raw = seal_at(keyring, 0, tests::random_bytes(100'000, 1));
  EXPECT_EQ(raw.place.codec, model::Codec::kRaw);
  EXPECT_EQ(raw.bytes.size(), 100'016U);
}

// Position, codec, length, kind, salt, vault, context: each is bound in.
TEST(Opener, OpensInTheRightPlaceOnly) {
  const Keyring keyring = sample_keyring();
  const Bytes plain = tests::random_bytes(1000, 1);
  const Sealed sealed = seal_at(keyring, 7, plain);
  const auto opens = [&](ObjectCipher cipher, const Place& place) {
    Opener opener;
    Bytes opened(place.plain_length);
    return opener.open(cipher, place, sealed.bytes, opened).has_value();
  };
  const auto moved = [&](auto change) {
    Place place = sealed.place;
    change(place);
    return place;
  };

  EXPECT_TRUE(opens(cipher_for(keyring), sealed.place));
  EXPECT_FALSE(opens(cipher_for(keyring), moved([](Place& p) { p.position = 8; })));
  EXPECT_FALSE(opens(cipher_for(keyring), moved([](Place& p) { p.position = kMaxPositions; })));
  EXPECT_FALSE(opens(cipher_for(keyring), moved([](Place& p) { p.codec = model::Codec::kZstd; })));
  EXPECT_FALSE(opens(cipher_for(keyring), moved([](Place& p) { ++p.plain_length; })));
  EXPECT_FALSE(opens(cipher_for(keyring), moved([](Place& p) { p.footer = true; })));
  EXPECT_FALSE(opens(cipher_for(keyring, SealedKind::kNodePack), sealed.place));
  EXPECT_FALSE(opens(cipher_for(keyring, SealedKind::kDataPack, Salt()), sealed.place));
  EXPECT_FALSE(
      opens(cipher_for(keyring, SealedKind::kDataPack, kSalt, as_bytes("x")), sealed.place));
  EXPECT_FALSE(opens(cipher_for(sample_keyring(0x77)), sealed.place));
}

TEST(Envelope, OpensInItsKindAndContextOnly) {
  const Keyring keyring = sample_keyring();
  for (const Bytes& plain : {Bytes{}, tests::text_bytes(10'000, 1), tests::random_bytes(100, 2)}) {
    const Result<Bytes> sealed =
        seal_envelope(keyring, SealedKind::kSummary, as_bytes("point 1"), plain);
    ASSERT_TRUE(sealed);

    EXPECT_EQ(open_envelope(keyring, SealedKind::kSummary, as_bytes("point 1"), *sealed)
                  .value_or(Bytes{0xbb}),
              plain);
    EXPECT_FALSE(open_envelope(keyring, SealedKind::kSummary, as_bytes("point 2"), *sealed));
    EXPECT_FALSE(open_envelope(keyring, SealedKind::kSigner, as_bytes("point 1"), *sealed));
    EXPECT_FALSE(
        open_envelope(sample_keyring(0x77), SealedKind::kSummary, as_bytes("point 1"), *sealed));
  }
}

TEST(Envelope, IsSealedAnewEveryTime) {
  const Keyring keyring = sample_keyring();
  const Bytes plain = tests::bytes("same");

  EXPECT_NE(*seal_envelope(keyring, SealedKind::kIndex, {}, plain),
            *seal_envelope(keyring, SealedKind::kIndex, {}, plain));
}

TEST(Envelope, WithAHugeLengthAllocatesNothing) {
  const Keyring keyring = sample_keyring();
  Bytes sealed = *seal_envelope(keyring, SealedKind::kIndex, {}, tests::bytes("x"));
  std::fill_n(sealed.begin() + 96, 4, std::uint8_t{0xff});

  const Result<Bytes> opened = open_envelope(keyring, SealedKind::kIndex, {}, sealed);

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace obhut::seal
