#include "agent/crypto/aead.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/crypto/hex.h"

namespace obhut::crypto {
namespace {

struct Vector {
  const char* key;
  const char* nonce;
  const char* associated;
  const char* plain;
  const char* sealed;
};

// Test cases 13, 14 and 16 of "The Galois/Counter Mode of Operation" (McGrew, Viega).
const Vector kVectors[] = {
    {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000",
     "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000",
     "", "00000000000000000000000000000000",
     "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
     "76fc6ece0f4e1768cddf8853bb2d551b"},
};

TEST(Aead, AgreesWithTheStandard) {
  for (const Vector& vector : kVectors) {
    Aead aead(hex(vector.key));
    const Bytes plain = hex(vector.plain);
    Bytes sealed(plain.size() + kAeadTagSize);
    Bytes opened(plain.size());

    aead.seal(hex(vector.nonce), hex(vector.associated), plain, sealed);

    EXPECT_EQ(to_hex(sealed), vector.sealed);
    EXPECT_TRUE(aead.open(hex(vector.nonce), hex(vector.associated), sealed, opened));
    EXPECT_EQ(opened, plain);
  }
}

TEST(Aead, SealsAndOpensInPlace) {
  Aead aead(Bytes(32, 1));
  const Bytes nonce(kAeadNonceSize);
  Bytes buffer(1000 + kAeadTagSize, 7);

  aead.seal(nonce, {}, ByteView(buffer).first(1000), buffer);
  ASSERT_TRUE(aead.open(nonce, {}, buffer, MutableByteView(buffer).first(1000)));

  EXPECT_EQ(std::ranges::count(ByteView(buffer).first(1000), 7), 1000);
}

TEST(Aead, NoticesEveryChangeAndLeavesNoPlainBytes) {
  const Vector& vector = kVectors[2];
  Aead aead(hex(vector.key));
  const Bytes nonce = hex(vector.nonce);
  const Bytes associated = hex(vector.associated);
  const Bytes sealed = hex(vector.sealed);
  const auto refused = [&](ByteView with_nonce, ByteView with_associated, ByteView body) {
    Bytes opened(body.size() - kAeadTagSize, 0xee);
    const Result<void> result = aead.open(with_nonce, with_associated, body, opened);
    return !result && result.error().kind == ErrorKind::kCrypto &&
           std::ranges::all_of(opened, [](std::uint8_t b) { return b == 0; });
  };

  for (std::size_t at = 0; at < sealed.size(); ++at) {
    Bytes changed = sealed;
    changed[at] ^= 1;
    EXPECT_TRUE(refused(nonce, associated, changed)) << at;
  }
  EXPECT_TRUE(refused(Bytes(kAeadNonceSize), associated, sealed));
  EXPECT_TRUE(refused(nonce, {}, sealed));
  EXPECT_TRUE(refused(nonce, associated, ByteView(sealed).first(sealed.size() - 1)));
}

TEST(Aead, TellsWhetherItOpensToTheSameBytes) {
  Aead aead(Bytes(32, 1));
  const Bytes nonce(kAeadNonceSize);
  const Bytes associated(5, 9);
  for (const std::size_t size : {0U, 1U, 16383U, 16384U, 16385U, 50'000U}) {
    SCOPED_TRACE(size);
    Bytes plain(size);
    for (std::size_t i = 0; i < size; ++i) plain[i] = static_cast<std::uint8_t>(i * 7);
    Bytes sealed(size + kAeadTagSize);
    aead.seal(nonce, associated, plain, sealed);

    EXPECT_TRUE(aead.opens_to(nonce, associated, sealed, plain));
    EXPECT_FALSE(aead.opens_to(nonce, {}, sealed, plain));
    for (const std::size_t at : {std::size_t{0}, size / 2, size, size + 15}) {
      Bytes changed = sealed;
      changed[at] ^= 1;
      EXPECT_FALSE(aead.opens_to(nonce, associated, changed, plain)) << at;
      if (at >= size) continue;
      Bytes other = plain;
      other[at] ^= 1;
      EXPECT_FALSE(aead.opens_to(nonce, associated, sealed, other)) << at;
    }
    plain.push_back(0);
    EXPECT_FALSE(aead.opens_to(nonce, associated, sealed, plain));
  }
}

TEST(Aead, RefusesWhatHasNoRoomForATag) {
  Aead aead(Bytes(32, 1));

  EXPECT_FALSE(aead.opens_to(Bytes(kAeadNonceSize), {}, Bytes(15), {}));
  EXPECT_FALSE(aead.open(Bytes(kAeadNonceSize), {}, Bytes(15), {}));
}

}  // namespace
}  // namespace obhut::crypto
