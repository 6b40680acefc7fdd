#include "agent/trust/trust_chain.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "agent/trust/jws.h"
#include "tests/trust/people.h"

namespace obhut::trust {
namespace {

constexpr auto kPlan = OperatorRole::kPlan;

TEST(TrustChain, BelievesAnOperatorOfThePinnedRootForItsRole) {
  const Partner partner;
  const TrustChain chain = partner.chain();

  EXPECT_EQ(chain.standing(partner.anna.public_key(), kPlan, partner.now), Standing::kGood);
  EXPECT_EQ(chain.require(partner.anna.public_key(), kPlan, partner.now)->name, "anna");
  EXPECT_EQ(chain.standing(partner.enroller.public_key(), kPlan, partner.now),
            Standing::kRoleMissing);
  EXPECT_EQ(chain.standing(key_of(99).public_key(), kPlan, partner.now), Standing::kUnknown);
  EXPECT_EQ(chain.standing(partner.root.public_key(), kPlan, partner.now), Standing::kUnknown)
      << "the root signs operators, not plans";
}

TEST(TrustChain, BelievesNobodyBeforeTheFirstList) {
  const Partner partner;
  const TrustChain chain = TrustChain::pinned_to(partner.id, partner.root.public_key());

  EXPECT_EQ(chain.standing(partner.anna.public_key(), kPlan, partner.now), Standing::kUnknown);
}

TEST(TrustChain, HeedsExpiryOfTheKeyAndOfTheList) {
  const Partner partner;
  TrustList list = partner.list();
  list.operators[0].expires = at("2026-06-01T12:00:00Z");
  list.expires = at("2026-06-02T00:00:00Z");
  const TrustChain chain = partner.chain_with(list);
  const SigningKeyId anna = partner.anna.public_key();
  const SigningKeyId bert = partner.bert.public_key();

  EXPECT_EQ(chain.standing(anna, kPlan, at("2026-06-01T11:59:59Z")), Standing::kGood);
  EXPECT_EQ(chain.standing(anna, kPlan, at("2026-06-01T12:00:00Z")), Standing::kExpired);
  EXPECT_EQ(chain.standing(bert, kPlan, at("2026-06-01T23:59:59Z")), Standing::kGood);
  EXPECT_EQ(chain.standing(bert, kPlan, at("2026-06-02T00:00:00Z")), Standing::kListExpired);
  EXPECT_NE(
      chain.require(bert, kPlan, at("2026-06-02T00:00:00Z")).error().message.find("newer one"),
      std::string::npos);
}

TEST(TrustChain, RefusesARevokedOperatorEvenWhereItIsStillListed) {
  const Partner partner;
  TrustList list = partner.list();
  list.revoked = {partner.anna.public_key()};

  EXPECT_EQ(partner.chain_with(list).standing(partner.anna.public_key(), kPlan, partner.now),
            Standing::kRevoked);
}

// A cluster that hides a revocation by serving last month's list.
TEST(TrustChain, RefusesAnOlderList) {
  const Partner partner;
  TrustChain chain = partner.chain_with(partner.list(5));

  const Result<bool> older = chain.update(make_trust_list(partner.list(4), partner.root));

  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().kind, ErrorKind::kRefused);
  EXPECT_EQ(chain.serial(), 5U);
}

TEST(TrustChain, RefusesTheSameSerialWithOtherContentAndTakesARepetitionQuietly) {
  const Partner partner;
  TrustChain chain = partner.chain_with(partner.list(5));
  TrustList other = partner.list(5);
  other.operators.pop_back();

  EXPECT_EQ(chain.update(make_trust_list(partner.list(5), partner.root)).value(), false);
  EXPECT_EQ(chain.update(make_trust_list(other, partner.root)).error().kind, ErrorKind::kRefused);
  EXPECT_EQ(chain.list()->operators.size(), 3U);
}

TEST(TrustChain, RefusesAnotherPartnersRootAndAnotherPartner) {
  const Partner partner;
  TrustChain chain = partner.chain();
  const crypto::SigningKey evil = key_of(66);
  TrustList foreign_root = partner.list(9);
  foreign_root.root = evil.public_key();
  TrustList foreign_partner = partner.list(9);
  foreign_partner.partner = id_of<PartnerId>(0xEE);

  EXPECT_EQ(chain.update(make_trust_list(foreign_root, evil)).error().kind, ErrorKind::kRefused);
  EXPECT_EQ(chain.update(make_trust_list(foreign_partner, partner.root)).error().kind,
            ErrorKind::kRefused);
  EXPECT_EQ(chain.serial(), 1U);
}

// Names the pinned root, but is signed by an operator.
TEST(TrustChain, RefusesAListThatItsRootDidNotSign) {
  const Partner partner;
  TrustChain chain = partner.chain();
  const std::string good = make_trust_list(partner.list(2), partner.root);
  const std::string payload = open_document(good, kTrustListType)->payload;
  const crypto::SigningKey* by_anna[] = {&partner.anna};
  const crypto::SigningKey* by_two[] = {&partner.root, &partner.anna};

  EXPECT_EQ(chain.update(sign_document(by_anna, kTrustListType, payload)).error().kind,
            ErrorKind::kCrypto);
  EXPECT_EQ(chain.update(sign_document(by_two, kTrustListType, payload)).error().kind,
            ErrorKind::kCrypto);
}

TEST(TrustChain, FollowsANamedSuccessorAndForgetsTheOldRoot) {
  const Partner partner;
  TrustChain chain = partner.chain();
  const crypto::SigningKey next = key_of(77);
  TrustList handover = partner.list(2);
  handover.successor = next.public_key();
  TrustList first = partner.list(3);
  first.root = next.public_key();

  ASSERT_EQ(chain.update(make_trust_list(first, next)).error().kind, ErrorKind::kRefused)
      << "not named yet";
  ASSERT_TRUE(chain.update(make_trust_list(handover, partner.root)));
  EXPECT_EQ(chain.root(), partner.root.public_key()) << "named, not yet pinned";
  ASSERT_TRUE(chain.update(make_trust_list(first, next)));

  EXPECT_EQ(chain.root(), next.public_key());
  EXPECT_EQ(chain.update(make_trust_list(partner.list(4), partner.root)).error().kind,
            ErrorKind::kRefused)
      << "the old root has nothing more to say";
}

TEST(TrustChain, RefusesASuccessorsListThatIsNotNewer) {
  const Partner partner;
  TrustChain chain = partner.chain();
  const crypto::SigningKey next = key_of(77);
  TrustList handover = partner.list(5);
  handover.successor = next.public_key();
  ASSERT_TRUE(chain.update(make_trust_list(handover, partner.root)));

  for (const std::uint64_t serial : {4U, 5U}) {
    TrustList first = partner.list(serial);
    first.root = next.public_key();
    EXPECT_EQ(chain.update(make_trust_list(first, next)).error().kind, ErrorKind::kRefused);
  }
  EXPECT_EQ(chain.root(), partner.root.public_key());
}

TEST(TrustChain, ComesBackFromItsState) {
  const Partner partner;
  const TrustChain chain = partner.chain_with(partner.list(7));

  const Result<TrustChain> read = TrustChain::from_state(chain.state());

  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->serial(), 7U);
  EXPECT_EQ(read->root(), chain.root());
  EXPECT_EQ(read->list(), chain.list());
  const TrustChain empty = TrustChain::pinned_to(partner.id, partner.root.public_key());
  EXPECT_EQ(TrustChain::from_state(empty.state())->serial(), 0U);
}

TEST(TrustChain, RefusesAStateThatWasChanged) {
  const Partner partner;
  nlohmann::json state = nlohmann::json::parse(partner.chain().state());
  state["root"] = key_of(66).public_key().text();

  for (const std::string& text :
       {state.dump(), std::string("{}"), std::string(), std::string("[1]")}) {
    const Result<TrustChain> read = TrustChain::from_state(text);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().kind, ErrorKind::kCorrupt);
  }
}

TEST(TrustList, RefusesMalformedPayloads) {
  const Partner partner;
  const nlohmann::json good = nlohmann::json::parse(
      open_document(make_trust_list(partner.list(), partner.root), kTrustListType)->payload);
  const auto read = [&](const auto& change) {
    nlohmann::json copy = good;
    change(copy);
    const crypto::SigningKey* signers[] = {&partner.root};
    return read_trust_list(sign_document(signers, kTrustListType, copy.dump()));
  };
  ASSERT_TRUE(read([](auto&) {}));

  EXPECT_FALSE(read([](auto& l) { l["schema"] = "obhut.trust/2"; }));
  EXPECT_FALSE(read([](auto& l) { l["extra"] = 1; }));
  EXPECT_FALSE(read([](auto& l) { l.erase("revoked"); }));
  EXPECT_FALSE(read([](auto& l) { l["serial"] = 0; }));
  EXPECT_FALSE(read([](auto& l) { l["serial"] = -1; }));
  EXPECT_FALSE(read([](auto& l) { l["serial"] = 1.5; }));
  EXPECT_FALSE(read([](auto& l) { l["issued"] = "yesterday"; }));
  EXPECT_FALSE(read([](auto& l) { l["operators"][0]["roles"] = nlohmann::json::array(); }));
  EXPECT_FALSE(read([](auto& l) { l["operators"][0]["name"] = "a\nb"; }));
  EXPECT_FALSE(read([](auto& l) { l["operators"][1]["key"] = l["operators"][0]["key"]; }));
  EXPECT_FALSE(read([](auto& l) { l["operators"] = 5; }));
  EXPECT_FALSE(read([](auto& l) { l["revoked"] = {"zz"}; }));
  EXPECT_FALSE(read([](auto& l) { l["successor"] = l["root"]; }));
}

// A list of a later version names a role that we do not know.
TEST(TrustList, PassesOverRolesToCome) {
  const Partner partner;
  nlohmann::json list = nlohmann::json::parse(
      open_document(make_trust_list(partner.list(), partner.root), kTrustListType)->payload);
  list["operators"][0]["roles"] = {"plan", "teleport"};
  const crypto::SigningKey* signers[] = {&partner.root};

  const Result<TrustList> read =
      read_trust_list(sign_document(signers, kTrustListType, list.dump()));

  ASSERT_TRUE(read);
  EXPECT_EQ(read->operators[0].roles, static_cast<std::uint8_t>(kPlan));
}

}  // namespace
}  // namespace obhut::trust
