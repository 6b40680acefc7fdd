#include "agent/trust/token.h"

#include <gtest/gtest.h>

#include "agent/trust/jws.h"
#include "tests/trust/people.h"

namespace obhut::trust {
namespace {

class TokenTest : public testing::Test {
 protected:
  TokenTest() {
    token_.partner = partner_.id;
    token_.customer = partner_.customer;
    token_.cluster = "https://backup.example:8443";
    token_.ca_pin = id_of<Sha256>(0xCA);
    token_.root = partner_.root.public_key();
    token_.secret = Bytes(32, 7);
    token_.kind = "server";
    token_.created = partner_.now;
    token_.expires = partner_.now + std::chrono::hours{24};
    token_.uses = 3;
    token_.trust = make_trust_list(partner_.list(), partner_.root);
  }
  ErrorKind refusal(const crypto::SigningKey& signer) {
    const Result<VerifiedToken> read = read_token(make_token(token_, signer), partner_.now);
    EXPECT_FALSE(read);
    return read ? ErrorKind::kInternal : read.error().kind;
  }
  ErrorKind registration_refusal(const crypto::SigningKey& signer) {
    const Result<TokenRegistration> read =
        read_registration(make_registration(token_, make_token(token_, signer), signer),
                          partner_.chain(), partner_.now);
    EXPECT_FALSE(read);
    return read ? ErrorKind::kInternal : read.error().kind;
  }
  Partner partner_;
  RegistrationToken token_;
};

TEST_F(TokenTest, IsProvedOfflineByRootAndByEnrollingOperator) {
  for (const crypto::SigningKey* signer : {&partner_.root, &partner_.enroller}) {
    const std::string text = make_token(token_, *signer);

    const Result<VerifiedToken> read = read_token(" " + text + "\r\n", partner_.now);

    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->token.cluster, token_.cluster);
    EXPECT_EQ(read->token.secret, token_.secret);
    EXPECT_EQ(read->token.uses, 3U);
    EXPECT_EQ(read->signer, signer->public_key());
    EXPECT_EQ(read->trust.serial(), 1U);
    EXPECT_EQ(read->hash, token_hash(text + "\n")) << "white space around it changes nothing";
  }
}

TEST_F(TokenTest, NeedsNoTrustListWhereTheRootSigns) {
  token_.trust.clear();

  EXPECT_TRUE(read_token(make_token(token_, partner_.root), partner_.now));
  EXPECT_EQ(refusal(partner_.enroller), ErrorKind::kRefused) << "unknown without a list";
}

TEST_F(TokenTest, IsRefusedFromASignerWithoutTheRole) {
  EXPECT_EQ(refusal(partner_.anna), ErrorKind::kRefused);
  EXPECT_EQ(refusal(key_of(99)), ErrorKind::kRefused);
}

TEST_F(TokenTest, IsRefusedWhereItsTrustListIsAnotherRoots) {
  TrustList foreign = partner_.list();
  const crypto::SigningKey evil = key_of(66);
  foreign.root = evil.public_key();
  token_.trust = make_trust_list(foreign, evil);

  EXPECT_EQ(refusal(partner_.enroller), ErrorKind::kRefused);
}

TEST_F(TokenTest, IsRefusedOnceItExpired) {
  const std::string text = make_token(token_, partner_.root);

  const Result<VerifiedToken> late = read_token(text, token_.expires);

  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::kRefused);
  EXPECT_NE(late.error().message.find("this clock says"), std::string::npos);
}

TEST_F(TokenTest, IsRefusedWithAClusterThatIsNoPlainHttpsUrl) {
  for (const char* url : {"http://x", "https://", "https://a@b", "https://a/?q", "ftp://a",
                          "https://x/", "https:// x", "https:///x", "https://[::1]:8443"}) {
    token_.cluster = url;
    EXPECT_EQ(refusal(partner_.root), ErrorKind::kInvalidInput) << url;
  }
}

TEST_F(TokenTest, IsRefusedWithValuesThatAreOff) {
  const RegistrationToken good = token_;
  token_.secret = Bytes(31, 7);
  EXPECT_EQ(refusal(partner_.root), ErrorKind::kInvalidInput);
  token_ = good;
  token_.kind = "Server!";
  EXPECT_EQ(refusal(partner_.root), ErrorKind::kInvalidInput);
  token_ = good;
  token_.uses = 0;
  EXPECT_EQ(refusal(partner_.root), ErrorKind::kInvalidInput);
  token_ = good;
  token_.expires = token_.created;
  EXPECT_EQ(refusal(partner_.root), ErrorKind::kInvalidInput);
  for (const char* text : {"", "token", "a.b.c"}) EXPECT_FALSE(read_token(text, partner_.now));
}

TEST_F(TokenTest, RegistersWithTheClusterByItsHashAlone) {
  const std::string text = make_token(token_, partner_.enroller);
  const std::string registration = make_registration(token_, text + "\n", partner_.enroller);

  const Result<TokenRegistration> read =
      read_registration(registration, partner_.chain(), partner_.now);

  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->token_hash, token_hash(text));
  EXPECT_EQ(read->customer, partner_.customer);
  EXPECT_EQ(read->uses, 3U);
  EXPECT_EQ(open_compact(registration, kRegistrationType)->payload.find("secret"),
            std::string::npos);
}

TEST_F(TokenTest, NamesTheDeviceThatItReplaces) {
  const crypto::SigningKey rescuer = key_of(5);
  TrustList list = partner_.list();
  list.operators.push_back({rescuer.public_key(), "rosa",
                            static_cast<std::uint8_t>(OperatorRole::kEnroll) |
                                static_cast<std::uint8_t>(OperatorRole::kRestore),
                            at("2027-01-01T00:00:00Z")});
  token_.uses = 1;
  token_.replaces = id_of<DeviceId>(0xD0);
  token_.trust = make_trust_list(list, partner_.root);
  const std::string text = make_token(token_, rescuer);

  const Result<VerifiedToken> read = read_token(text, partner_.now);
  const Result<TokenRegistration> registered = read_registration(
      make_registration(token_, text, rescuer), partner_.chain_with(list), partner_.now);

  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->token.replaces, token_.replaces);
  ASSERT_TRUE(registered) << registered.error().message;
  EXPECT_EQ(registered->replaces, token_.replaces);
}

// It gives vaults away: to hand out tokens for new machines is not enough.
TEST_F(TokenTest, ThatReplacesADeviceNeedsTheRoleForRestores) {
  token_.uses = 1;
  token_.replaces = id_of<DeviceId>(0xD0);

  EXPECT_EQ(refusal(partner_.enroller), ErrorKind::kRefused);
  EXPECT_EQ(registration_refusal(partner_.enroller), ErrorKind::kRefused);
}

// Two machines with one vault would be a clone by appointment.
TEST_F(TokenTest, ThatReplacesADeviceHasOneUse) {
  token_.uses = 2;
  token_.replaces = id_of<DeviceId>(0xD0);

  EXPECT_EQ(refusal(partner_.root), ErrorKind::kInvalidInput);
  EXPECT_EQ(registration_refusal(partner_.root), ErrorKind::kInvalidInput);
}

TEST_F(TokenTest, IsRefusedWhereItReplacesWhatIsNoDevice) {
  const std::string good = make_token(token_, partner_.root);
  for (const char* device : {"", "D0", "d0d0", "zz"}) {
    std::string payload = open_compact(good, kTokenType)->payload;
    payload.replace(payload.find("\"uses\":3"), 8,
                    R"("uses":1,"replaces":")" + std::string(device) + "\"");
    const std::string text = sign_compact(partner_.root, kTokenType, payload);

    const Result<VerifiedToken> read = read_token(text, partner_.now);

    ASSERT_FALSE(read) << device;
    EXPECT_EQ(read.error().kind, ErrorKind::kInvalidInput) << device;
  }
}

TEST_F(TokenTest, RegistrationIsRefusedFromOthersAndForOthers) {
  const std::string text = make_token(token_, partner_.root);
  const TrustChain chain = partner_.chain();
  const auto kind = [&](const crypto::SigningKey& signer, Instant now) {
    return read_registration(make_registration(token_, text, signer), chain, now).error().kind;
  };

  EXPECT_EQ(kind(partner_.anna, partner_.now), ErrorKind::kRefused);
  EXPECT_EQ(kind(key_of(99), partner_.now), ErrorKind::kRefused);
  EXPECT_EQ(kind(partner_.root, token_.expires), ErrorKind::kRefused);
  token_.partner = id_of<PartnerId>(0xEE);
  EXPECT_EQ(kind(partner_.root, partner_.now), ErrorKind::kRefused);
  EXPECT_FALSE(read_registration(text, chain, partner_.now)) << "a token is no registration";
}

}  // namespace
}  // namespace obhut::trust
