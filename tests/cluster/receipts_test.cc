// Receipts of storage: what a vault held at most on each day that is over.

#include <gtest/gtest.h>

#include "agent/base/time_text.h"
#include "agent/crypto/digest.h"
#include "agent/trust/receipt.h"
#include "service/billing/event_text.h"
#include "service/cluster/api/services.h"
#include "service/cluster/levels.h"
#include "tests/cluster/test_cluster.h"

namespace obhut::cluster::test {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

class Receipts : public ::testing::Test {
 protected:
  static Instant at(std::string_view text) { return *parse_time(text); }

  void level(const std::string& id, std::string_view when, std::uint64_t bytes,
             billing::Location location = billing::Location::kProvider) {
    const auto done = cluster.cluster->database().write([&](sql::Session& session) -> Answer<void> {
      ASSIGN_OR_RETURN(const Customer customer, find_customer(session, partner.customer));
      ASSIGN_OR_RETURN(Vault vault, find_vault(session, device.vault));
      vault.location = location;
      TRY(record_level(session, customer, vault, bytes, {id}, at(when)));
      return {};
    });
    ASSERT_TRUE(done) << done.error().detail;
  }
  Answered ask(const std::string& after = "") {
    const std::string query = after.empty() ? "" : "?after=" + after;
    return cluster.call("GET", "/api/v1/device/vaults/" + device.vault.text() + "/receipts" + query,
                        device.token);
  }
  std::vector<trust::Receipt> receipts(const std::string& after = "") {
    std::vector<trust::Receipt> all;
    const Answered answered = ask(after);
    EXPECT_EQ(answered.status, 200) << answered.text;
    for (const json& text : answered.body["receipts"]) {
      const auto receipt = trust::read_receipt(text.get<std::string>(),
                                               cluster.cluster->state().cluster_key.public_key());
      EXPECT_TRUE(receipt) << receipt.error().message;
      all.push_back(*receipt);
    }
    return all;
  }

  TestCluster cluster;
  TestPartner partner = cluster.make_partner("alpha");
  TestDevice device = cluster.make_device(partner);
};

TEST_F(Receipts, NameTheHighestLevelOfEachDayThatIsOver) {
  // Berlin: the day begins at 23:00 UTC.
  level("a", "2026-03-01T10:00:00Z", 100);
  level("b", "2026-03-01T12:00:00Z", 300);
  level("c", "2026-03-01T23:00:00Z", 50);
  level("d", "2026-03-03T10:00:00Z", 70);

  const std::vector<trust::Receipt> all = receipts();

  ASSERT_GE(all.size(), 4U);
  EXPECT_EQ(all[0].kind, trust::ReceiptKind::kStorage);
  EXPECT_EQ(all[0].day, "2026-03-01");
  EXPECT_EQ(all[0].bytes, 300U);
  EXPECT_EQ(all[0].vault, device.vault);
  EXPECT_EQ(all[0].device, device.id);
  EXPECT_EQ(all[0].customer, partner.number);
  EXPECT_EQ(all[0].location, "provider");
  EXPECT_EQ(all[0].subject, crypto::sha256(as_bytes(billing::storage_level(
                                {"b", at("2026-03-01T12:00:00Z"), partner.number},
                                device.vault.text(), billing::Location::kProvider, 300))));
  EXPECT_EQ(all[1].day, "2026-03-02");
  EXPECT_EQ(all[1].bytes, 50U) << "what ended as the day began was not there on it";
  EXPECT_EQ(all[2].bytes, 70U);
  EXPECT_EQ(all[3].bytes, 70U) << "nothing happened, and it stood";
  EXPECT_EQ(all[3].subject, all[2].subject);
}

TEST_F(Receipts, AreTheSameWheneverTheyAreAskedFor) {
  level("a", "2026-03-01T10:00:00Z", 100);
  const std::string first = ask().body["receipts"][0];
  cluster.clock.move(1h);
  cluster.get_access_token(device);
  // A level that is told of late changes the bill, not what was signed.
  level("late", "2026-03-01T11:00:00Z", 900);

  EXPECT_EQ(ask().body["receipts"][0], first);
}

TEST_F(Receipts, GoOnAfterADayInPages) {
  level("a", "2025-12-31T10:00:00Z", 100);
  const auto first = receipts();
  ASSERT_EQ(first.size(), StorageReceipts::kPage);
  EXPECT_EQ(first.back().day, "2026-04-09");

  const auto second = receipts(first.back().day);

  ASSERT_FALSE(second.empty());
  EXPECT_EQ(second.front().day, "2026-04-10");
  EXPECT_EQ(receipts("2099-01-01").size(), 0U);
  EXPECT_EQ(ask("yesterday").code(), "invalid-day");
  EXPECT_EQ(ask("2026-02-30").code(), "invalid-day");
}

TEST_F(Receipts, PassOverDaysOfNothing) {
  level("a", "2025-01-01T10:00:00Z", 100);
  level("b", "2025-01-02T10:00:00Z", 0);
  level("c", "2026-03-05T10:00:00Z", 5);

  const auto all = receipts();

  ASSERT_GE(all.size(), 3U);
  EXPECT_EQ(all[1].day, "2025-01-02");
  EXPECT_EQ(all[2].day, "2026-03-05");
}

TEST_F(Receipts, TellLocationsApart) {
  level("a", "2026-03-01T10:00:00Z", 100);
  level("b", "2026-03-01T11:00:00Z", 900, billing::Location::kLocal);

  const auto all = receipts();

  ASSERT_GE(all.size(), 2U);
  EXPECT_EQ(all[0].location, "local");
  EXPECT_EQ(all[0].bytes, 900U);
  EXPECT_EQ(all[1].location, "provider");
  EXPECT_EQ(all[1].day, all[0].day);
}

TEST_F(Receipts, AreForTheVaultsOwnDevice) {
  level("a", "2026-03-01T10:00:00Z", 100);
  const TestDevice other = cluster.make_device(partner);

  EXPECT_EQ(
      cluster.call("GET", "/api/v1/device/vaults/" + device.vault.text() + "/receipts", other.token)
          .status,
      404);
  EXPECT_EQ(receipts("2026-03-01").front().device, device.id);
}

TEST_F(Receipts, FollowCommitsAndWhatIsDropped) {
  ASSERT_EQ(cluster.back_up(device, {cluster.make_object(model::ObjectKind::kPack, 5000)}).status,
            201);
  EXPECT_EQ(receipts().size(), 0U) << "today is not over";
  cluster.clock.move(48h);
  cluster.get_access_token(device);

  const auto all = receipts();

  ASSERT_GE(all.size(), 1U);
  EXPECT_GE(all[0].bytes, 5000U);
}

}  // namespace
}  // namespace obhut::cluster::test
