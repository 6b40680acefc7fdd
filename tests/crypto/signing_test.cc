#include "agent/crypto/signing.h"

#include <gtest/gtest.h>

#include "tests/crypto/hex.h"

namespace obhut::crypto {
namespace {

SigningKey key_of(std::string_view seed) {
  return std::move(*SigningKey::from_seed(hex(seed)));
}

// RFC 8032, section 7.1, tests 1 and 2.
TEST(SigningKey, AgreesWithTheRfc) {
  const SigningKey one = key_of("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
  EXPECT_EQ(one.public_key().text(),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  EXPECT_EQ(to_hex(one.sign({})),
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");

  const SigningKey two = key_of("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
  EXPECT_EQ(two.public_key().text(),
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  EXPECT_EQ(to_hex(two.sign(hex("72"))),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

TEST(SigningKey, IsBelievedForItsOwnMessagesOnly) {
  const SigningKey key = SigningKey::generate();
  const Bytes message = {1, 2, 3};
  const Bytes signature = key.sign(message);

  EXPECT_TRUE(verify_signature(key.public_key(), message, signature));
  EXPECT_FALSE(verify_signature(SigningKey::generate().public_key(), message, signature));
  EXPECT_FALSE(verify_signature(key.public_key(), Bytes{1, 2, 4}, signature));
  EXPECT_FALSE(verify_signature(key.public_key(), message, {}));
  for (std::size_t at = 0; at < signature.size(); ++at) {
    Bytes changed = signature;
    changed[at] ^= 1;
    EXPECT_FALSE(verify_signature(key.public_key(), message, changed)) << at;
  }
}

// With a key A of small order, R = A and s = 0 fit every message whose hash is the right one of at
// most eight: among this many messages some forgery would pass.
TEST(SigningKey, OfSmallOrderSignsNothing) {
  for (const std::string_view y :
       {"0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
    for (const int sign : {0x00, 0x80}) {
      Bytes point = hex(y);
      point.back() = static_cast<std::uint8_t>(point.back() | sign);
      Bytes forged = point;
      forged.resize(kSignatureSize);
      for (std::uint8_t message = 0; message < 64; ++message) {
        EXPECT_FALSE(verify_signature(*SigningKeyId::from_bytes(point), Bytes{message}, forged))
            << y << " " << int{message};
      }
    }
  }
}

TEST(SigningKey, NeedsASeedOfItsSize) {
  EXPECT_FALSE(SigningKey::from_seed(Bytes(31)));
  EXPECT_FALSE(SigningKey::from_seed(Bytes(33)));
}

// RFC 7748, section 6.1, seen by Bob.
TEST(ExchangeKey, AgreesWithTheRfc) {
  const ExchangeKey bob = std::move(*ExchangeKey::from_bytes(
      hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")));
  const Bytes alice = hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");

  const Result<SecretBytes> shared = bob.agree(*ExchangeKeyId::from_bytes(alice));

  EXPECT_EQ(bob.public_key().text(),
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  ASSERT_TRUE(shared);
  EXPECT_EQ(to_hex(shared->view()),
            "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
}

TEST(ExchangeKey, RefusesPointsThatGiveNoSecret) {
  const ExchangeKey key = ExchangeKey::generate();
  for (const char* low : {"0000000000000000000000000000000000000000000000000000000000000000",
                          "0100000000000000000000000000000000000000000000000000000000000000",
                          "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"}) {
    EXPECT_FALSE(key.agree(*ExchangeKeyId::from_bytes(hex(low)))) << low;
  }
}

TEST(SealTo, OpensForItsRecipientInItsContextOnly) {
  const ExchangeKey recipient = ExchangeKey::generate();
  const Result<Bytes> sealed = seal_to(recipient.public_key(), "slot", as_bytes("root key"));
  ASSERT_TRUE(sealed);

  const Result<SecretBytes> opened = open_with(recipient, "slot", *sealed);

  ASSERT_TRUE(opened);
  EXPECT_EQ(as_text(opened->view()), "root key");
  EXPECT_FALSE(open_with(ExchangeKey::generate(), "slot", *sealed));
  EXPECT_FALSE(open_with(recipient, "other", *sealed));
  for (std::size_t at = 0; at < sealed->size(); ++at) {
    Bytes changed = *sealed;
    changed[at] ^= 1;
    EXPECT_FALSE(open_with(recipient, "slot", changed)) << at;
    EXPECT_FALSE(open_with(recipient, "slot", ByteView(*sealed).first(at))) << at;
  }
}

}  // namespace
}  // namespace obhut::crypto
