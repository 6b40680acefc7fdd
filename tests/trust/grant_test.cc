#include "agent/trust/grant.h"

#include <functional>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "agent/trust/jws.h"
#include "tests/trust/people.h"

namespace obhut::trust {
namespace {

using nlohmann::json;

class GrantTest : public testing::Test {
 protected:
  GrantTest() {
    grant_.id = id_of<GrantId>(0x6A);
    grant_.partner = partner_.id;
    grant_.device = device_;
    grant_.scope = {*model::RelPath::parse("home/anna"), *model::RelPath::parse("srv/shared")};
    grant_.account = "bert";
    grant_.destination = {DestinationRule::kFolder, "/home/bert/back"};
    grant_.not_before = partner_.now;
    grant_.expires = partner_.now + std::chrono::hours{24};
    grant_.reason = "Ticket 4711: Anna ist krank";
  }
  [[nodiscard]] TrustChain chain() const {
    TrustList list = partner_.list();
    list.operators.push_back({restorer_.public_key(), "rita",
                              static_cast<std::uint8_t>(OperatorRole::kRestore),
                              at("2027-01-01T00:00:00Z")});
    return partner_.chain_with(list);
  }
  [[nodiscard]] std::string document() const { return make_grant(grant_, restorer_); }
  [[nodiscard]] ErrorKind refusal(const std::string& text, Instant now) const {
    const auto verified = verify_grant(text, chain(), device_, now);
    EXPECT_FALSE(verified);
    return verified ? ErrorKind::kInternal : verified.error().kind;
  }
  [[nodiscard]] ErrorKind refusal(const std::string& text) const {
    return refusal(text, partner_.now);
  }
  /// The payload with something else in it, signed as it ought to be.
  [[nodiscard]] std::string with(const std::function<void(json&)>& change) const {
    json payload = json::parse(open_compact(document(), kGrantType).value().payload);
    change(payload);
    return sign_compact(restorer_, kGrantType, payload.dump());
  }

  Partner partner_;
  crypto::SigningKey restorer_ = key_of(7);
  DeviceId device_ = id_of<DeviceId>(0xD0);
  RestoreGrant grant_;
};

TEST_F(GrantTest, IsProvedOffline) {
  const auto verified = verify_grant(" " + document() + "\r\n", chain(), device_, partner_.now);

  ASSERT_TRUE(verified) << verified.error().message;
  const RestoreGrant& read = verified->grant;
  EXPECT_EQ(verified->signer.name, "rita");
  EXPECT_EQ(read.id, grant_.id);
  EXPECT_EQ(scope_texts(read), (std::vector<std::string>{"/home/anna", "/srv/shared"}));
  EXPECT_EQ(read.account, "bert");
  EXPECT_EQ(read.destination, grant_.destination);
  EXPECT_EQ(read.vault, std::nullopt);
  EXPECT_EQ(read.expires, grant_.expires);
  EXPECT_EQ(read.reason, grant_.reason);
}

TEST_F(GrantTest, MayBeForTheWholeDeviceOneVaultAndWhoeverBringsIt) {
  grant_.scope = {model::RelPath()};
  grant_.vault = id_of<VaultId>(0xBA);
  grant_.account.reset();
  grant_.destination = {DestinationRule::kAnywhere};

  const auto read = read_grant(document());

  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(scope_texts(read->grant), std::vector<std::string>{"/"});
  EXPECT_EQ(read->grant.vault, id_of<VaultId>(0xBA));
  EXPECT_EQ(read->grant.account, std::nullopt);
  EXPECT_EQ(read->grant.destination.text(), "any");
}

TEST_F(GrantTest, IsRefusedForAnotherDeviceOrPartner) {
  EXPECT_EQ(verify_grant(document(), chain(), id_of<DeviceId>(0xD1), partner_.now).error().kind,
            ErrorKind::kRefused);
  grant_.partner = id_of<PartnerId>(0xA1);
  EXPECT_EQ(refusal(document()), ErrorKind::kRefused);
}

TEST_F(GrantTest, IsRefusedFromWhoMayNotSignGrants) {
  EXPECT_EQ(refusal(make_grant(grant_, key_of(66))), ErrorKind::kRefused) << "unknown";
  EXPECT_EQ(refusal(make_grant(grant_, partner_.anna)), ErrorKind::kRefused) << "plans only";
  EXPECT_EQ(refusal(make_grant(grant_, partner_.root)), ErrorKind::kRefused)
      << "the root signs who may, not what";
  TrustList revoked = partner_.list(2);
  revoked.operators.push_back({restorer_.public_key(), "rita",
                               static_cast<std::uint8_t>(OperatorRole::kRestore),
                               at("2027-01-01T00:00:00Z")});
  revoked.revoked = {restorer_.public_key()};
  EXPECT_EQ(
      verify_grant(document(), partner_.chain_with(revoked), device_, partner_.now).error().kind,
      ErrorKind::kRefused);
}

TEST_F(GrantTest, EndsWithItsTime) {
  EXPECT_TRUE(verify_grant(document(), chain(), device_, grant_.expires - std::chrono::seconds{1}));
  EXPECT_EQ(refusal(document(), grant_.expires), ErrorKind::kRefused);
  EXPECT_TRUE(grant_.is_open(grant_.not_before - kGrantTolerance));
  EXPECT_FALSE(grant_.is_open(grant_.not_before - kGrantTolerance - std::chrono::seconds{1}));
  EXPECT_FALSE(grant_.is_open(grant_.expires));
}

// Whatever byte is changed, nothing of it is believed.
TEST_F(GrantTest, IsNotBelievedWithAnyByteChanged) {
  const std::string good = document();
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = bad[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(verify_grant(bad, chain(), device_, partner_.now)) << "byte " << at;
  }
}

TEST_F(GrantTest, IsNoOtherDocumentAndNoOtherIsOne) {
  const std::string payload = open_compact(document(), kGrantType).value().payload;

  EXPECT_EQ(refusal(sign_compact(restorer_, kTokenType, payload)), ErrorKind::kInvalidInput);
  EXPECT_EQ(refusal(sign_compact(restorer_, kEnvelopeType, payload)), ErrorKind::kInvalidInput);
  EXPECT_FALSE(open_compact(document(), kTokenType));
}

TEST_F(GrantTest, HasEachMemberAsItMustBe) {
  const std::vector<std::pair<const char*, json>> wrong = {
      {"schema", "obhut.grant/2"},
      {"id", "6a"},
      {"partner", 1},
      {"device", std::string(32, 'D')},
      {"vault", ""},
      {"scope", json::array()},
      {"scope", "/home/anna"},
      {"scope", {1}},
      {"scope", {"home/anna"}},
      {"scope", {"/home/anna/"}},
      {"scope", {"/home//anna"}},
      {"scope", {"/home/./anna"}},
      {"scope", {"/home/../root"}},
      {"scope", {""}},
      {"scope", json(std::vector<std::string>(17, "/a"))},
      {"scope", {"/" + std::string(512, 'x')}},
      {"account", ""},
      {"account", "a\nb"},
      {"account", nullptr},
      {"account", std::string(129, 'x')},
      {"destination", "everywhere"},
      {"destination", "/"},
      {"destination", "/srv/../etc"},
      {"destination", nullptr},
      {"not_before", "tomorrow"},
      {"expires", "2026-06-01T12:00:00Z"},
      {"expires", "2026-07-02T12:00:01Z"},
      {"reason", ""},
      {"reason", std::string(201, 'x')},
      {"reason", "\x1b[2J"},
      {"more", "than there is"},
  };
  for (const auto& [member, value] : wrong) {
    const std::string text = with([&](json& payload) { payload[member] = value; });
    EXPECT_EQ(refusal(text), ErrorKind::kInvalidInput) << member << " = " << value;
  }
  for (const char* member : {"schema", "id", "partner", "device", "scope", "destination",
                             "not_before", "expires", "reason"}) {
    EXPECT_EQ(refusal(with([&](json& payload) { payload.erase(member); })),
              ErrorKind::kInvalidInput)
        << member;
  }
}

TEST_F(GrantTest, FitsIntoAQrCodeOrIsRefused) {
  grant_.vault = id_of<VaultId>(0xBA);
  grant_.account = "OFFICE\\" + std::string(20, 'b');
  grant_.reason = std::string(200, 'r');
  grant_.scope = {*model::RelPath::parse("C/Users/" + std::string(100, 'a') + "/Documents"),
                  *model::RelPath::parse("C/Users/" + std::string(100, 'b') + "/Documents")};
  EXPECT_LE(document().size(), kGrantLimit);
  EXPECT_TRUE(verify_grant(document(), chain(), device_, partner_.now));

  grant_.scope.resize(16, *model::RelPath::parse(std::string(100, 'c')));
  EXPECT_GT(document().size(), kGrantLimit);
  EXPECT_EQ(refusal(document()), ErrorKind::kInvalidInput);
}

}  // namespace
}  // namespace obhut::trust
