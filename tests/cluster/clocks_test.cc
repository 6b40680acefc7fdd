// Endpoints whose clocks are wrong, jump or run backwards (BILLING.md rule 10): an activation has
// the endpoint's date only where that can be true, and storage has the cluster's, always.

#include <gtest/gtest.h>

#include "agent/base/time_text.h"
#include "agent/crypto/random.h"
#include "agent/trust/receipt.h"
#include "agent/trust/token.h"
#include "service/billing/month.h"
#include "service/cluster/api/services.h"
#include "service/cluster/ledger_store.h"
#include "tests/cluster/test_cluster.h"

namespace obhut::cluster::test {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr auto kMicrosecond = std::chrono::microseconds(1);

class Clocks : public ::testing::Test {
 protected:
  // The customer lived long before, so that the token alone bounds what can be true.
  Clocks() {
    cluster.clock.move(10 * 24h);
    cluster.log_in(partner);
  }

  /// What came of an enrolment that says it was installed at `installed`.
  struct Enrolled {
    Instant before{};  ///< by the cluster's clock
    Instant after{};
    trust::Receipt receipt;
    DeviceId device;
  };
  Enrolled enrol(const std::string& token, Instant installed,
                 const Sha256& hardware = crypto::random_id<Sha256>()) {
    const TestDevice device = cluster.prepare_device(partner, token, hardware, installed);
    Enrolled enrolled;
    enrolled.device = device.id;
    enrolled.before = cluster.clock.now();
    const Answered answered = cluster.enrol(device);
    enrolled.after = cluster.clock.now();
    EXPECT_EQ(answered.status, 201) << answered.text;
    const auto receipt = trust::read_receipt(answered.body.value("receipt", ""),
                                             cluster.cluster->state().cluster_key.public_key());
    EXPECT_TRUE(receipt) << receipt.error().message;
    if (receipt) enrolled.receipt = *receipt;
    return enrolled;
  }
  std::vector<LedgerEntry> ledger() {
    EXPECT_TRUE(chain_rows(cluster.cluster->database(), partner.id));
    return cluster.cluster->database()
        .read([&](sql::Session& session) { return read_ledger(session, partner.id, 0, 10'000); })
        .value();
  }
  json activation_of(const std::string& workload) {
    for (const LedgerEntry& row : ledger()) {
      json event = json::parse(row.event);
      if (event["type"] == "workload.activated" && event["workload"] == workload) return event;
    }
    return {};
  }
  /// Receipt, event and device say the endpoint's date.
  void expect_endpoint(const Enrolled& enrolled, Instant installed) {
    EXPECT_EQ(enrolled.receipt.clock, trust::ClockSource::kEndpoint);
    EXPECT_EQ(enrolled.receipt.activated_at, installed);
    expect_told(enrolled, "endpoint");
  }
  /// They say when the cluster heard of it, and that this is whose date it is.
  void expect_receipt(const Enrolled& enrolled) {
    EXPECT_EQ(enrolled.receipt.clock, trust::ClockSource::kReceipt);
    EXPECT_EQ(enrolled.receipt.activated_at, enrolled.receipt.received_at);
    EXPECT_GE(enrolled.receipt.activated_at, enrolled.before);
    EXPECT_LE(enrolled.receipt.activated_at, enrolled.after);
    expect_told(enrolled, "receipt");
  }

  TestCluster cluster;
  TestPartner partner = cluster.make_partner("alpha");

 private:
  void expect_told(const Enrolled& enrolled, const std::string& clock) {
    const json event = activation_of(enrolled.receipt.workload);
    EXPECT_EQ(event.value("clock", ""), clock);
    EXPECT_EQ(event.value("at", ""), format_time_micro(enrolled.receipt.activated_at));
    const json device =
        cluster.call("GET", "/api/v1/devices/" + enrolled.device.text(), partner.session).body;
    EXPECT_EQ(device.value("activation_clock", ""), clock);
    EXPECT_EQ(device.value("activated", ""), format_time(enrolled.receipt.activated_at));
  }
};

TEST_F(Clocks, TwoDaysOffInEitherDirectionLeaveTheReceiptsDate) {
  const std::string token = cluster.make_token(partner, 8, 24h * 5);
  for (const auto off : {-48h, 48h, -47h, 47h}) {
    SCOPED_TRACE(off.count());
    expect_receipt(enrol(token, cluster.clock.now() + off));
  }
}

// The machine was installed two days before it reached the cluster, with a token made before that.
TEST_F(Clocks, TwoDaysBetweenInstallationAndReceiptLeaveTheEndpointsDate) {
  const std::string token = cluster.make_token(partner, 2, 24h * 5);
  const Instant installed = cluster.clock.now();
  cluster.clock.move(48h);
  cluster.log_in(partner);

  expect_endpoint(enrol(token, installed), installed);
  expect_receipt(enrol(token, cluster.clock.now() + 48h));
}

TEST_F(Clocks, TheTokensCreationIsTheFirstInstantThatCounts) {
  const std::string token = cluster.make_token(partner, 2);
  const Instant created = trust::read_token(token, cluster.clock.now())->token.created;

  expect_endpoint(enrol(token, created), created);
  expect_receipt(enrol(token, created - kMicrosecond));
}

// The second device says an instant that the cluster's clock has passed when it reads it, the first
// one that it has not.
TEST_F(Clocks, TheReceiptIsTheLastInstantThatCounts) {
  const std::string token = cluster.make_token(partner, 2);

  expect_receipt(enrol(token, cluster.clock.now() + 1min));
  const Instant now = cluster.clock.now();
  expect_endpoint(enrol(token, now), now);
}

TEST_F(Clocks, ThatJumpBetweenTwoEnrolmentsChangeNoDate) {
  const std::string token = cluster.make_token(partner, 4, 24h * 5);
  const Sha256 hardware = crypto::random_id<Sha256>();
  const Instant installed = cluster.clock.now() - 10min;
  const Enrolled first = enrol(token, installed, hardware);
  expect_endpoint(first, installed);

  for (const auto off : {48h, -48h, 0h}) {
    SCOPED_TRACE(off.count());
    const Enrolled again = enrol(token, cluster.clock.now() + off, hardware);
    EXPECT_EQ(again.receipt.workload, first.receipt.workload);
    expect_endpoint(again, installed);
  }
}

// A licence that began by the receipt's clock keeps that too, whatever a clock that is right by now
// says of the day of installation.
TEST_F(Clocks, ThatAreSetRightLaterChangeNoDateEither) {
  const std::string token = cluster.make_token(partner, 2);
  const Sha256 hardware = crypto::random_id<Sha256>();
  const Enrolled first = enrol(token, cluster.clock.now() + 48h, hardware);
  expect_receipt(first);
  cluster.clock.move(10min);

  const Enrolled again = enrol(token, cluster.clock.now() - 5min, hardware);

  EXPECT_EQ(again.receipt.workload, first.receipt.workload);
  EXPECT_EQ(again.receipt.clock, trust::ClockSource::kReceipt);
  EXPECT_EQ(again.receipt.activated_at, first.receipt.activated_at);
}

// Storage: two days ahead, two days behind, backwards from head to head, and out of this century.
TEST_F(Clocks, OfHeadsDateNoStorage) {
  TestDevice device = cluster.make_device(partner);
  const std::chrono::hours offsets[] = {0h,   48h,   -48h,           1h,
                                        -50h, -100h, 24h * 365 * 40, -24h * 365 * 30};
  std::vector<std::pair<Instant, Instant>> commits;  // the cluster's clock before and after each
  for (const auto off : offsets) {
    cluster.clock.move(30min);
    cluster.get_access_token(device);
    device.clock_off = off;
    const Instant before = cluster.clock.now();
    const Answered committed =
        cluster.back_up(device, {cluster.make_object(model::ObjectKind::kPack, 1000)});
    ASSERT_EQ(committed.status, 201) << committed.text;
    commits.emplace_back(before, cluster.clock.now());
    const auto receipt = trust::read_receipt(committed.body["receipt"].get<std::string>(),
                                             cluster.cluster->state().cluster_key.public_key());
    EXPECT_GE(receipt->received_at, before);
    EXPECT_LE(receipt->received_at, commits.back().second);
  }

  std::size_t levels = 0;
  for (const LedgerEntry& row : ledger()) {
    const json event = json::parse(row.event);
    if (event["type"] != "storage.level") continue;
    ASSERT_LT(levels, commits.size());
    const auto [before, after] = commits[levels++];
    EXPECT_EQ(event["at"], format_time_micro(row.received));
    EXPECT_GE(row.received, before) << "commit " << levels;
    EXPECT_LE(row.received, after) << "commit " << levels;
  }
  EXPECT_EQ(levels, commits.size());
  cluster.log_in(partner);
  const json points =
      cluster.call("GET", "/api/v1/vaults/" + device.vault.text() + "/points", partner.session)
          .body["points"];
  ASSERT_EQ(points.size(), commits.size());
  const std::string created = points.back()["created"];
  EXPECT_LT(created, "2000") << "kept as what the device says, and nothing more: " << created;
}

// What the month's bill and the day's receipt show follows from it.
TEST_F(Clocks, OfHeadsMoveNoStorageIntoAnotherDay) {
  TestDevice device = cluster.make_device(partner);
  device.clock_off = -24h * 5;
  ASSERT_EQ(cluster.back_up(device, {cluster.make_object(model::ObjectKind::kPack, 5000)}).status,
            201);
  const std::string committed = format_time(cluster.clock.now());
  cluster.clock.move(72h);
  cluster.get_access_token(device);

  const Answered answered = cluster.call(
      "GET", "/api/v1/device/vaults/" + device.vault.text() + "/receipts", device.token);

  ASSERT_GE(answered.body["receipts"].size(), 1U) << answered.text;
  const auto receipt = trust::read_receipt(answered.body["receipts"][0].get<std::string>(),
                                           cluster.cluster->state().cluster_key.public_key());
  const auto berlin = billing::BillingCalendar::open("Europe/Berlin");
  EXPECT_EQ(receipt->day, berlin->day_of(*parse_time(committed)));
}

}  // namespace
}  // namespace obhut::cluster::test
