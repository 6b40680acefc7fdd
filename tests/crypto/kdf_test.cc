#include "agent/crypto/kdf.h"

#include <gtest/gtest.h>

#include "tests/crypto/hex.h"

namespace obhut::crypto {
namespace {

// RFC 5869, test cases 1 and 3.
TEST(Hkdf, AgreesWithTheRfc) {
  const Bytes key(22, 0x0b);

  EXPECT_EQ(
      to_hex(hkdf_sha256(key, hex("000102030405060708090a0b0c"), hex("f0f1f2f3f4f5f6f7f8f9"), 42)
                 .view()),
      "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
      "34007208d5b887185865");
  EXPECT_EQ(to_hex(hkdf_sha256(key, {}, {}, 42).view()),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
            "9d201395faa4b61a96c8");
}

// RFC 7914, section 12.
TEST(Scrypt, AgreesWithTheRfc) {
  const Result<SecretBytes> small = scrypt({}, {}, {16, 1, 1}, 64);
  const Result<SecretBytes> usual =
      scrypt(as_bytes("pleaseletmein"), as_bytes("SodiumChloride"), {16384, 8, 1}, 64);

  ASSERT_TRUE(small);
  EXPECT_EQ(to_hex(small->view()),
            "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
            "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906");
  ASSERT_TRUE(usual);
  EXPECT_EQ(to_hex(usual->view()),
            "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
            "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887");
}

TEST(Scrypt, RefusesACostThatWouldEatTheMachine) {
  for (const ScryptCost& cost :
       {ScryptCost{1U << 21U, 8, 1}, ScryptCost{1U << 17U, 9, 1}, ScryptCost{1U << 17U, 8, 5},
        ScryptCost{1000, 8, 1}, ScryptCost{0, 8, 1}, ScryptCost{1, 8, 1}, ScryptCost{16, 0, 1},
        ScryptCost{16, 8, 0}}) {
    const Result<SecretBytes> key = scrypt(as_bytes("x"), as_bytes("y"), cost, 32);
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().kind, ErrorKind::kInvalidInput);
  }
}

}  // namespace
}  // namespace obhut::crypto
