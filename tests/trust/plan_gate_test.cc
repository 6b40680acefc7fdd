#include "agent/trust/plan_gate.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "agent/trust/jws.h"
#include "tests/plan/example.h"
#include "tests/trust/people.h"

namespace obhut::trust {
namespace {

using nlohmann::json;
using Reason = PlanRefusalReason;
using Outcome = PlanGate::Outcome;
using std::chrono::hours;

const DeviceId kDevice = id_of<DeviceId>(0xD0);

/// Everything that a test may want to vary of an envelope.
struct Offer {
  Partner partner;
  json plan = plan::example_plan();
  PlanEnvelope envelope;
  std::vector<const crypto::SigningKey*> signers;

  Offer() {
    envelope.partner = partner.id;
    envelope.target = kDevice;
    envelope.version = 1;
    envelope.issued = partner.now;
    envelope.expires = partner.now + hours{24 * 30};
    signers = {&partner.anna};
  }
  [[nodiscard]] std::string document() const {
    PlanEnvelope copy = envelope;
    copy.plan = plan.dump();
    return make_envelope(copy, signers);
  }
};

class PlanGateTest : public testing::Test {
 protected:
  std::string code(const std::string& document) { return code(document, partner_.chain()); }
  /// The refusal's code, or "accepted".
  std::string code(const std::string& document, const TrustChain& chain) {
    const auto outcome = gate_.offer(document, chain, now_);
    return outcome ? "accepted" : std::string(to_string(outcome.error().reason));
  }
  Outcome accept(const Offer& offer) {
    const auto outcome = gate_.offer(offer.document(), partner_.chain(), now_);
    EXPECT_TRUE(outcome) << outcome.error().message;
    return outcome.value_or(Outcome::kRepeated);
  }

  Partner partner_;
  Instant now_ = partner_.now;
  PlanGate gate_{PlanAudience{kDevice, partner_.customer}};
};

TEST_F(PlanGateTest, PutsAGoodPlanIntoForce) {
  Offer offer;

  EXPECT_EQ(accept(offer), Outcome::kInForce);

  ASSERT_NE(gate_.in_force(), nullptr);
  EXPECT_EQ(gate_.in_force()->plan.name, "Standard");
  EXPECT_EQ(gate_.in_force()->operators, std::vector<std::string>{"anna"});
  EXPECT_EQ(gate_.in_force()->effective_at, now_);
  EXPECT_EQ(accept(offer), Outcome::kRepeated);
}

TEST_F(PlanGateTest, TakesAPlanForTheCustomerThenOneForTheDeviceAndNeverBack) {
  Offer offer;
  offer.envelope.target = partner_.customer;
  offer.envelope.version = 9;
  EXPECT_EQ(accept(offer), Outcome::kInForce);

  offer.envelope.target = kDevice;
  offer.envelope.version = 1;
  EXPECT_EQ(accept(offer), Outcome::kInForce) << "versions count for each target";

  offer.envelope.target = partner_.customer;
  offer.envelope.version = 10;
  EXPECT_EQ(code(offer.document()), "less-specific");
}

TEST_F(PlanGateTest, RefusesWhatNoOperatorSigned) {
  Offer offer;
  const json good = json::parse(offer.document());
  json unsigned_document = good;
  unsigned_document["signatures"] = json::array();
  json swapped = good;
  Offer other;
  other.plan["name"] = "Other";
  swapped["payload"] = json::parse(other.document())["payload"];

  EXPECT_EQ(code(plan::example_plan().dump()), "unsigned");
  EXPECT_EQ(code(unsigned_document.dump()), "unsigned");
  EXPECT_EQ(code(swapped.dump()), "bad-signature");
  EXPECT_EQ(code(""), "malformed-envelope");
  EXPECT_EQ(code("{\"payload\":1,\"signatures\":[1]}"), "malformed-envelope");
  const crypto::SigningKey* anna[] = {&partner_.anna};
  const std::string payload = open_document(offer.document(), kEnvelopeType)->payload;
  EXPECT_EQ(code(sign_document(anna, kTrustListType, payload)), "malformed-envelope");
  EXPECT_EQ(gate_.in_force(), nullptr);
}

TEST_F(PlanGateTest, RefusesSignersThatMayNot) {
  Offer offer;
  const crypto::SigningKey stranger = key_of(99);

  offer.signers = {&stranger};
  EXPECT_EQ(code(offer.document()), "unknown-operator");
  offer.signers = {&partner_.enroller};
  EXPECT_EQ(code(offer.document()), "role-missing");
  offer.signers = {&partner_.root};
  EXPECT_EQ(code(offer.document()), "unknown-operator");
  offer.signers = {&partner_.anna, &stranger};
  EXPECT_EQ(code(offer.document()), "unknown-operator")
      << "one good signature does not carry another";
  offer.signers = {&partner_.anna};
  TrustList revoked = partner_.list();
  revoked.revoked = {partner_.anna.public_key()};
  EXPECT_EQ(code(offer.document(), partner_.chain_with(revoked)), "revoked-operator");
  TrustList expired = partner_.list();
  expired.operators[0].expires = now_;
  EXPECT_EQ(code(offer.document(), partner_.chain_with(expired)), "expired-operator");
  TrustList old_list = partner_.list();
  old_list.expires = now_;
  EXPECT_EQ(code(offer.document(), partner_.chain_with(old_list)), "trust-list-expired");
}

// The cluster serves what another partner's root allowed: its whole chain is foreign.
TEST_F(PlanGateTest, RefusesAForeignPartnersPlan) {
  Partner foreign;
  foreign.id = id_of<PartnerId>(0xEE);
  foreign.root = key_of(50);
  foreign.anna = key_of(51);
  Offer offer;
  offer.envelope.partner = foreign.id;
  offer.signers = {&foreign.anna};

  EXPECT_EQ(code(offer.document()), "foreign-partner");
  offer.envelope.partner = partner_.id;
  EXPECT_EQ(code(offer.document()), "unknown-operator");
}

TEST_F(PlanGateTest, RefusesAPlanForAnotherDeviceOrCustomer) {
  Offer offer;
  offer.envelope.target = id_of<DeviceId>(0xD1);
  EXPECT_EQ(code(offer.document()), "other-device");
  offer.envelope.target = id_of<CustomerId>(0xC1);
  EXPECT_EQ(code(offer.document()), "other-device");
}

TEST_F(PlanGateTest, RefusesOlderVersionsAndOtherContentOfTheSame) {
  Offer offer;
  offer.envelope.version = 5;
  accept(offer);
  const std::string in_force = gate_.in_force()->document;

  offer.plan["name"] = "Other";
  EXPECT_EQ(code(offer.document()), "same-version");
  offer.envelope.version = 4;
  EXPECT_EQ(code(offer.document()), "older-version");

  EXPECT_EQ(gate_.in_force()->document, in_force);
}

TEST_F(PlanGateTest, LetsExpiryBoundAcceptanceAndNotOperation) {
  Offer offer;
  offer.envelope.expires = now_ + hours{1};
  accept(offer);
  now_ += hours{24 * 365};

  EXPECT_EQ(code(offer.document()), "accepted") << "delivered again: known, no alert";
  EXPECT_FALSE(gate_.advance(now_));
  EXPECT_NE(gate_.in_force(), nullptr);
  offer.envelope.version = 2;
  TrustList lasting = partner_.list();
  lasting.operators[0].expires = now_ + hours{1};
  EXPECT_EQ(code(offer.document(), partner_.chain_with(lasting)), "expired-plan");
}

TEST_F(PlanGateTest, RefusesAMalformedPlanInAGoodEnvelope) {
  Offer offer;
  offer.plan["command"] = "rm -rf /";

  const auto outcome = gate_.offer(offer.document(), partner_.chain(), now_);

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().reason, Reason::kMalformedPlan);
  EXPECT_EQ(outcome.error().error().kind, ErrorKind::kInvalidInput);
  EXPECT_NE(outcome.error().message.find("command"), std::string::npos);
}

class DangerousPlan : public PlanGateTest {
 protected:
  void SetUp() override {
    accept(offer_);
    offer_.envelope.version = 2;
    offer_.plan["targets"][0]["retention"]["daily"] = 1;
  }
  void sign_by_two(hours delay) {
    offer_.signers = {&partner_.anna, &partner_.bert};
    offer_.envelope.effective = offer_.envelope.issued + delay;
  }
  std::uint32_t daily() { return gate_.in_force()->plan.targets[0].retention.daily; }
  Offer offer_;
};

TEST_F(DangerousPlan, IsRefusedWithOneSignature) {
  const auto outcome = gate_.offer(offer_.document(), partner_.chain(), now_);

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().reason, Reason::kNeedsTwoOperators);
  ASSERT_EQ(outcome.error().changes.size(), 1U);
  EXPECT_EQ(outcome.error().changes[0].kind, plan::ChangeKind::kShorterRetention);
  EXPECT_EQ(daily(), 7U);
}

TEST_F(DangerousPlan, IsRefusedWithTwoSignaturesOfOneKey) {
  offer_.signers = {&partner_.anna, &partner_.anna};
  offer_.envelope.effective = offer_.envelope.issued + hours{72};

  EXPECT_EQ(code(offer_.document()), "malformed-envelope");
}

// One person who was given two keys is still one person.
TEST_F(DangerousPlan, IsRefusedWithTwoKeysOfOneOperator) {
  TrustList list = partner_.list();
  list.operators[1].name = "anna";
  sign_by_two(hours{72});

  EXPECT_EQ(code(offer_.document(), partner_.chain_with(list)), "needs-two-operators");
}

TEST_F(DangerousPlan, IsRefusedWithoutItsDelay) {
  sign_by_two(hours{72});
  offer_.envelope.effective.reset();
  EXPECT_EQ(code(offer_.document()), "needs-delay");
  sign_by_two(hours{71});
  EXPECT_EQ(code(offer_.document()), "needs-delay");
}

TEST_F(DangerousPlan, WaitsForItsTimeWhileTheOldPlanStays) {
  sign_by_two(hours{72});

  EXPECT_EQ(accept(offer_), Outcome::kPending);
  EXPECT_EQ(daily(), 7U);
  ASSERT_NE(gate_.pending(), nullptr);
  EXPECT_EQ(gate_.pending()->changes.size(), 1U);
  EXPECT_FALSE(gate_.advance(now_ + hours{71}));
  EXPECT_TRUE(gate_.advance(now_ + hours{72}));
  EXPECT_EQ(daily(), 1U);
  EXPECT_EQ(gate_.pending(), nullptr);
}

TEST_F(DangerousPlan, IsTakenBackByANewerPlan) {
  sign_by_two(hours{72});
  accept(offer_);
  Offer back;
  back.envelope.version = 2;
  back.plan["name"] = "Back";
  EXPECT_EQ(code(back.document()), "same-version") << "must be newer than the one that waits, too";

  back.envelope.version = 3;
  EXPECT_EQ(accept(back), Outcome::kInForce);

  EXPECT_FALSE(gate_.advance(now_ + hours{100}));
  EXPECT_EQ(daily(), 7U);
}

TEST_F(DangerousPlan, IsHeldForItsWholeDelayByTheClusterHoweverItIsDated) {
  PlanGate cluster(PlanAudience{kDevice, partner_.customer}, GateSide::kCluster);
  Offer first;
  ASSERT_TRUE(cluster.offer(first.document(), partner_.chain(), now_));
  sign_by_two(hours{72});
  offer_.envelope.issued = now_ - hours{24 * 10};
  offer_.envelope.effective = now_;

  const auto dated_back = cluster.offer(offer_.document(), partner_.chain(), now_);
  offer_.envelope.effective = now_ + hours{72};
  const auto honest = cluster.offer(offer_.document(), partner_.chain(), now_);

  ASSERT_FALSE(dated_back);
  EXPECT_EQ(dated_back.error().reason, Reason::kNeedsDelay);
  EXPECT_TRUE(honest);
}

TEST_F(DangerousPlan, ComesBackFromStateWithWhatWaits) {
  sign_by_two(hours{72});
  accept(offer_);

  Result<PlanGate> read =
      PlanGate::from_state(PlanAudience{kDevice, partner_.customer}, gate_.state());

  ASSERT_TRUE(read) << read.error().message;
  ASSERT_NE(read->in_force(), nullptr);
  ASSERT_NE(read->pending(), nullptr);
  EXPECT_EQ(read->in_force()->hash, gate_.in_force()->hash);
  EXPECT_EQ(read->pending()->changes, gate_.pending()->changes);
  EXPECT_EQ(read->state(), gate_.state());
  EXPECT_TRUE(read->advance(now_ + hours{72}));
  EXPECT_FALSE(PlanGate::from_state(PlanAudience{kDevice, partner_.customer}, "{}"));
}

TEST_F(PlanGateTest, LetsTheClusterJudgeAPlanForAWholeCustomer) {
  Offer offer;
  offer.envelope.target = partner_.customer;
  const PlanAudience audience{std::nullopt, partner_.customer};

  EXPECT_TRUE(judge_plan(offer.document(), partner_.chain(), audience, nullptr, nullptr, now_,
                         GateSide::kCluster));
  offer.envelope.target = kDevice;
  EXPECT_EQ(judge_plan(offer.document(), partner_.chain(), audience, nullptr, nullptr, now_,
                       GateSide::kCluster)
                .error()
                .reason,
            Reason::kOtherDevice);
}

TEST_F(PlanGateTest, RefusesEnvelopesThatAreOff) {
  Offer offer;
  const json good = json::parse(open_document(offer.document(), kEnvelopeType)->payload);
  const auto offered = [&](const auto& change) {
    json copy = good;
    change(copy);
    return code(sign_document(offer.signers, kEnvelopeType, copy.dump()));
  };

  EXPECT_EQ(offered([](json& e) { e["schema"] = "obhut.envelope/2"; }), "malformed-envelope");
  EXPECT_EQ(offered([](json& e) { e["extra"] = 1; }), "malformed-envelope");
  EXPECT_EQ(offered([](json& e) { e.erase("target"); }), "malformed-envelope");
  EXPECT_EQ(offered([](json& e) { e["target"]["customer"] = std::string(32, 'a'); }),
            "malformed-envelope");
  EXPECT_EQ(offered([](json& e) { e["version"] = 0; }), "malformed-envelope");
  EXPECT_EQ(offered([](json& e) { e["version"] = -5; }), "malformed-envelope");
  EXPECT_EQ(offered([](json& e) { e["expires"] = e["issued"]; }), "malformed-envelope");
  EXPECT_EQ(offered([](json& e) { e["plan"] = "text"; }), "malformed-envelope");
  EXPECT_EQ(offered([](json&) {}), "accepted");
}

}  // namespace
}  // namespace obhut::trust
