// A store that holds our packs and wishes us ill: whatever it changes is noticed, and no wrong byte
// ever comes out.

#include <gtest/gtest.h>

#include "agent/base/codec.h"
#include "agent/crypto/digest.h"
#include "agent/pack/pack_index.h"
#include "agent/pack/pack_reader.h"
#include "agent/pack/pack_writer.h"
#include "agent/seal/envelope.h"
#include "tests/support/samples.h"

namespace obhut::pack {
namespace {

using tests::random_bytes;
using tests::sample_keyring;
using tests::text_bytes;

struct Sample {
  seal::Keyring keyring = sample_keyring();
  std::vector<Bytes> blobs = {text_bytes(700, 1), random_bytes(300, 2), text_bytes(500, 3)};
  Bytes bytes;
  PackInfo info;

  explicit Sample(model::BlobKind kind = model::BlobKind::kData) {
    seal::Sealer sealer(keyring);
    PackWriter writer(sealer, kind);
    for (const Bytes& blob : blobs) CHECK(writer.add(sealer.id_of(kind, blob), blob));
    Result<FinishedPack> pack = writer.finish();
    CHECK(pack.has_value());
    bytes = to_bytes(pack->bytes());
    info = pack->info;
  }
};

/// Reads all blobs of `pack`, whatever its hash is: as range reads do. Nothing where any was
/// refused.
std::optional<std::vector<Bytes>> read_all(const seal::Keyring& keyring, ByteView pack) {
  const Result<PackInfo> info =
      read_pack_info(keyring, Sha256(), pack.size(), [&](ByteRange range) -> Result<Bytes> {
        return to_bytes(pack.subspan(range.offset, range.length));
      });
  if (!info) return std::nullopt;
  Result<seal::ObjectCipher> cipher = pack_cipher(keyring, *info);
  if (!cipher) return std::nullopt;
  seal::Opener opener;
  std::vector<Bytes> blobs;
  for (std::uint32_t i = 0; i < info->blobs.size(); ++i) {
    const BlobEntry& entry = info->blobs[i];
    Bytes plain(entry.plain_length);
    if (!open_blob(keyring, *info, i, entry, *cipher, opener,
                   pack.subspan(entry.offset, entry.sealed_length), plain)) {
      return std::nullopt;
    }
    blobs.push_back(std::move(plain));
  }
  return blobs;
}

TEST(PackAttack, EveryFlippedByteIsNoticed) {
  const Sample sample;
  ASSERT_TRUE(read_all(sample.keyring, sample.bytes));

  for (std::size_t at = 0; at < sample.bytes.size(); ++at) {
    for (const unsigned mask : {0x01U, 0x80U, 0xffU}) {
      Bytes changed = sample.bytes;
      changed[at] = static_cast<std::uint8_t>(changed[at] ^ mask);
      ASSERT_FALSE(read_all(sample.keyring, changed)) << "byte " << at;
    }
  }
}

TEST(PackAttack, EveryZeroedByteIsNoticed) {
  const Sample sample;

  for (std::size_t at = 0; at < sample.bytes.size(); ++at) {
    Bytes changed = sample.bytes;
    changed[at] = 0;
    const std::optional<std::vector<Bytes>> read = read_all(sample.keyring, changed);
    if (changed == sample.bytes) continue;
    ASSERT_FALSE(read) << "byte " << at;
  }
}

TEST(PackAttack, EveryCutIsNoticed) {
  const Sample sample;

  for (std::size_t size = 0; size < sample.bytes.size(); ++size) {
    ASSERT_FALSE(read_all(sample.keyring, ByteView(sample.bytes).first(size))) << size;
  }
}

TEST(PackAttack, BytesAppendedAreNoticed) {
  const Sample sample;
  Bytes longer = sample.bytes;
  longer.resize(longer.size() + 4096);
  Bytes doubled = sample.bytes;
  doubled.insert(doubled.end(), sample.bytes.begin(), sample.bytes.end());

  EXPECT_FALSE(read_all(sample.keyring, longer));
  EXPECT_FALSE(read_all(sample.keyring, doubled));
}

TEST(PackAttack, ABlobInAnothersPlaceIsNoticed) {
  const Sample sample;
  Result<seal::ObjectCipher> cipher = pack_cipher(sample.keyring, sample.info);
  ASSERT_TRUE(cipher);
  seal::Opener opener;
  const BlobEntry& first = sample.info.blobs[0];
  const BlobEntry& third = sample.info.blobs[2];
  BlobEntry posing = first;
  posing.offset = third.offset;
  posing.sealed_length = third.sealed_length;
  posing.plain_length = third.plain_length;
  posing.codec = third.codec;
  Bytes plain(posing.plain_length);

  const Result<void> opened =
      open_blob(sample.keyring, sample.info, 0, posing, *cipher, opener,
                ByteView(sample.bytes).subspan(posing.offset, posing.sealed_length), plain);

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kCrypto);
}

// Somebody with the key (or a bug of ours) wrote an index entry under a wrong id.
TEST(PackAttack, ABlobUnderAnothersIdIsNoticed) {
  const Sample sample;
  Result<seal::ObjectCipher> cipher = pack_cipher(sample.keyring, sample.info);
  ASSERT_TRUE(cipher);
  seal::Opener opener;
  BlobEntry posing = sample.info.blobs[2];
  posing.id = sample.info.blobs[0].id;
  Bytes plain(posing.plain_length);

  const Result<void> opened =
      open_blob(sample.keyring, sample.info, 2, posing, *cipher, opener,
                ByteView(sample.bytes).subspan(posing.offset, posing.sealed_length), plain);

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kCorrupt);
}

TEST(PackAttack, ABlobOfAnotherPackIsNoticed) {
  const Sample one;
  const Sample other;
  ASSERT_EQ(one.info.blobs[0].sealed_length, other.info.blobs[0].sealed_length);
  Bytes mixed = one.bytes;
  const BlobEntry& entry = one.info.blobs[0];
  std::copy_n(other.bytes.begin() + entry.offset, entry.sealed_length,
              mixed.begin() + entry.offset);

  EXPECT_FALSE(read_all(one.keyring, mixed));
}

TEST(PackAttack, APackOfAnotherVaultIsNoticed) {
  const Sample sample;
  const seal::Keyring other = sample_keyring(0x77);
  Bytes relabelled = sample.bytes;
  std::fill_n(relabelled.begin() + 12, 16, std::uint8_t{0x77});

  EXPECT_FALSE(read_all(other, sample.bytes));
  EXPECT_FALSE(read_all(other, relabelled));
}

TEST(PackAttack, APackOfAnotherKindIsNoticed) {
  const Sample sample;
  Bytes relabelled = sample.bytes;
  relabelled[10] = static_cast<std::uint8_t>(model::BlobKind::kNodes);

  EXPECT_FALSE(read_all(sample.keyring, relabelled));
}

TEST(PackAttack, AWrongCommitmentIsRefusedBeforeDecrypting) {
  const Sample sample;
  PackInfo info = sample.info;
  info.commitment = tests::id_of_all<seal::Commitment>(1);

  const Result<seal::ObjectCipher> cipher = pack_cipher(sample.keyring, info);

  ASSERT_FALSE(cipher);
  EXPECT_EQ(cipher.error().kind, ErrorKind::kCrypto);
}

TEST(PackAttack, HugeLengthsAllocateNothing) {
  const Sample sample;
  Bytes changed = sample.bytes;
  // The trailer's footer length.
  std::fill_n(changed.end() - 12, 4, std::uint8_t{0xff});
  const auto never = [](ByteRange) -> Result<Bytes> {
    ADD_FAILURE() << "asked the store for a hostile length";
    return Bytes{};
  };

  EXPECT_FALSE(read_all(sample.keyring, changed));
  EXPECT_FALSE(read_pack_info(sample.keyring, Sha256(), std::uint64_t{1} << 60U, never));
  EXPECT_FALSE(read_pack_info(sample.keyring, Sha256(), 5, never));
}

TEST(PackAttack, AFooterThatNamesMoreThanThePackIsNoticed) {
  const auto footer = [](std::uint32_t sealed, std::uint32_t plain, std::uint8_t codec) {
    Writer out;
    out.u32(1);
    out.id(BlobId());
    out.u8(codec);
    out.u32(sealed);
    out.u32(plain);
    return std::move(out).take();
  };
  PackInfo info;

  EXPECT_TRUE(parse_pack_footer(footer(116, 100, 0), kPackHeaderSize + 116, info));
  EXPECT_FALSE(parse_pack_footer(footer(116, 100, 0), kPackHeaderSize + 115, info));
  EXPECT_FALSE(parse_pack_footer(footer(116, 100, 0), kPackHeaderSize + 117, info));
  EXPECT_FALSE(parse_pack_footer(footer(116, 101, 0), kPackHeaderSize + 116, info));
  EXPECT_FALSE(parse_pack_footer(footer(116, 100, 1), kPackHeaderSize + 116, info));
  EXPECT_FALSE(parse_pack_footer(footer(116, 100, 2), kPackHeaderSize + 116, info));
  EXPECT_FALSE(parse_pack_footer(footer(116, 0xffffffff, 1), kPackHeaderSize + 116, info));
  EXPECT_FALSE(parse_pack_footer(footer(15, 0, 0), kPackHeaderSize + 15, info));
}

TEST(IndexAttack, EveryFlipAndCutIsNoticed) {
  const Sample sample;
  const Result<Bytes> sealed = seal_index(sample.keyring, {{sample.info}, {}});
  ASSERT_TRUE(sealed);

  for (std::size_t at = 0; at < sealed->size(); ++at) {
    for (const unsigned mask : {0x01U, 0x80U, 0xffU}) {
      Bytes changed = *sealed;
      changed[at] = static_cast<std::uint8_t>(changed[at] ^ mask);
      ASSERT_FALSE(open_index(sample.keyring, changed)) << "byte " << at;
    }
    ASSERT_FALSE(open_index(sample.keyring, ByteView(*sealed).first(at))) << "cut at " << at;
  }
}

TEST(IndexAttack, AnObjectOfAnotherKindDoesNotPassForAnIndex) {
  const Sample sample;
  const Result<Bytes> plain = encode_index({{sample.info}, {}});
  ASSERT_TRUE(plain);
  Result<Bytes> signer = seal::seal_envelope(sample.keyring, seal::SealedKind::kSigner, {}, *plain);
  ASSERT_TRUE(signer);
  Bytes relabelled = *signer;
  relabelled[10] = static_cast<std::uint8_t>(seal::SealedKind::kIndex);

  EXPECT_FALSE(open_index(sample.keyring, *signer));
  EXPECT_FALSE(open_index(sample.keyring, relabelled));
}

}  // namespace
}  // namespace obhut::pack
