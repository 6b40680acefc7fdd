#include "agent/crypto/digest.h"

#include <gtest/gtest.h>

#include "tests/crypto/hex.h"

namespace obhut::crypto {
namespace {

// FIPS 180-4 examples.
TEST(Sha256, AgreesWithTheStandard) {
  EXPECT_EQ(sha256({}).text(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256(as_bytes("abc")).text(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256(as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")).text(),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256, OfAStreamIsThatOfTheWhole) {
  const Bytes bytes(100'000, 0x61);
  Sha256Stream stream;
  for (std::size_t at = 0; at < bytes.size(); at += 777) {
    stream.update(ByteView(bytes).subspan(at, std::min<std::size_t>(777, bytes.size() - at)));
  }

  EXPECT_EQ(stream.finish(), sha256(bytes));
}

// RFC 4231, test cases 1 and 2.
TEST(HmacSha256, AgreesWithTheRfc) {
  EXPECT_EQ(hmac_sha256(Bytes(20, 0x0b), as_bytes("Hi There")).text(),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?")).text(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

// The official test_vectors.json of BLAKE3: input byte i is i mod 251.
TEST(KeyedBlake3, AgreesWithTheOfficialVectors) {
  const ByteView key = as_bytes("whats the Elvish word for friend");
  struct Vector {
    std::size_t length;
    const char* hash;
  };
  for (const auto& [length, hash] : {
           Vector{0, "92b2b75604ed3c761f9d6f62392c8a9227ad0ea3f09573e783f1498a4ed60d26"},
           Vector{1, "6d7878dfff2f485635d39013278ae14f1454b8c0a3a2d34bc1ab38228a80c95b"},
           Vector{1024, "75c46f6f3d9eb4f55ecaaee480db732e6c2105546f1e675003687c31719c7ba4"},
           Vector{1025, "357dc55de0c7e382c900fd6e320acc04146be01db6a8ce7210b7189bd664ea69"},
           Vector{102400, "1c35d1a5811083fd7119f5d5d1ba027b4d01c0c6c49fb6ff2cf75393ea5db4a7"},
       }) {
    Bytes input(length);
    for (std::size_t i = 0; i < length; ++i) input[i] = static_cast<std::uint8_t>(i % 251);
    EXPECT_EQ(keyed_blake3(key, input).text(), hash) << length;
    KeyedBlake3Stream stream(key);
    for (std::size_t at = 0; at < length; at += 1000) {
      stream.update(ByteView(input).subspan(at, std::min<std::size_t>(1000, length - at)));
    }
    EXPECT_EQ(stream.finish().text(), hash) << length;
  }
}

TEST(KeyedBlake3, DependsOnItsKey) {
  EXPECT_NE(keyed_blake3(Bytes(32, 1), as_bytes("x")), keyed_blake3(Bytes(32, 2), as_bytes("x")));
}

}  // namespace
}  // namespace obhut::crypto
