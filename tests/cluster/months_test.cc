// Months close once, in order, and what comes later corrects them.

#include <algorithm>
#include <cstdlib>
#include <future>
#include <thread>

#include <gtest/gtest.h>

#include "agent/base/time_text.h"
#include "agent/crypto/digest.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "service/billing/event_text.h"
#include "service/cluster/api/services.h"
#include "service/cluster/closing_document.h"
#include "service/cluster/ledger_check.h"
#include "service/cluster/ledger_export.h"
#include "service/cluster/ledger_store.h"
#include "tests/cluster/test_cluster.h"

namespace obhut::cluster::test {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr auto kGigabyte = std::uint64_t{1'000'000'000};

class Months : public ::testing::Test {
 protected:
  Months() {
    cluster.put_prices(partner);
    append(billing::customer_created({"made", at("2026-01-10T12:00:00Z"), "c1"},
                                     billing::Mode::kPerGb));
  }

  static Instant at(std::string_view text) { return *parse_time(text); }
  [[nodiscard]] std::string base() const { return "/api/v1/partners/" + partner.id.text(); }
  Bills& bills() { return cluster.cluster->services().bills; }
  sql::Database& database() { return cluster.cluster->database(); }

  void append(const std::string& event) {
    const auto done = database().write([&](sql::Session& session) {
      return append_event(session, partner.id, event, cluster.clock.now());
    });
    ASSERT_TRUE(done) << done.error().message;
  }
  void level(const std::string& id, std::string_view when, std::uint64_t gigabytes) {
    append(billing::storage_level({id, at(when), "c1"}, "vault", billing::Location::kProvider,
                                  gigabytes * kGigabyte));
  }
  json bill(const std::string& month) {
    const auto text = bills().bill(partner.id, month, BillForm::kJson);
    EXPECT_TRUE(text) << text.error().detail;
    return text ? json::parse(*text) : json();
  }
  Result<LedgerState> check() {
    return check_ledger(database(), partner.id, cluster.cluster->state().cluster_key.public_key());
  }
  void spoil(const std::string& statement) {
    const auto done = database().write([&](sql::Session& session) {
      return session.exec(statement, {{"partner", partner.id}});
    });
    ASSERT_TRUE(done) << done.error().message;
    ASSERT_GT(*done, 0U) << statement;
  }

  TestCluster cluster;
  TestPartner partner = cluster.make_partner("alpha");
};

TEST_F(Months, CloseOnceWithBillHeadAndSignature) {
  level("l1", "2026-01-15T12:00:00Z", 5);
  const std::string path = base() + "/bills/2026-01/closing";
  EXPECT_EQ(cluster.call("GET", path, partner.session).status, 404);
  EXPECT_EQ(cluster.call("POST", path, partner.session).status, 403) << "the provider's act";

  const Answered closed = cluster.call("POST", path, cluster.provider);

  ASSERT_EQ(closed.status, 200) << closed.text;
  const Answered shown = cluster.call("GET", base() + "/bills/2026-01", partner.session);
  EXPECT_EQ(shown.body["totals"][0]["amount_cents"], 500);
  EXPECT_EQ(closed.body["bill_sha256"], crypto::sha256(as_bytes(shown.text)).text());
  const auto closing = read_closing(closed.body["closing"].get<std::string>(),
                                    cluster.cluster->state().cluster_key.public_key());
  ASSERT_TRUE(closing) << closing.error().message;
  EXPECT_EQ(closing->partner, partner.id);
  EXPECT_EQ(closing->month.text(), "2026-01");
  EXPECT_EQ(closing->head, check()->head);
  EXPECT_EQ(closing->previous, Sha256{});
  EXPECT_EQ(cluster.call("POST", path, cluster.provider).text, closed.text) << "once";
  EXPECT_EQ(cluster.call("GET", path, partner.session).text, closed.text);
  const Answered list = cluster.call("GET", base() + "/bills", partner.session);
  EXPECT_EQ(list.body["months"], json::array({closed.body}));
  const Answered table = cluster.call("GET", base() + "/bills/2026-01?format=csv", partner.session);
  EXPECT_NE(table.text.find("c1,storage/provider,5,GB,1000000,500"), std::string::npos);
}

TEST_F(Months, CloseInOrderAndWhenTheyAreOver) {
  level("l1", "2026-01-15T12:00:00Z", 5);
  ASSERT_TRUE(bills().close(partner.id, "2026-02"));

  EXPECT_EQ(bills().close(partner.id, "2026-01").error().code, "month-out-of-order");
  EXPECT_EQ(bills().close(partner.id, "2026-04").error().code, "month-out-of-order");
  EXPECT_EQ(bills().close(partner.id, "2026-13").error().code, "invalid-month");
  ASSERT_TRUE(bills().close(partner.id, "2026-03"));
  EXPECT_EQ(check()->months, 2U);

  TestPartner other = cluster.make_partner("beta");
  EXPECT_EQ(bills().close(other.id, "2026-01").error().code, "no-prices");
  const auto text = database().read([&](sql::Session& session) {
    return session.query_one("SELECT prices FROM partners WHERE id = :id", {{"id", partner.id}});
  });
  ASSERT_TRUE(cluster.cluster->services().tenants.put_prices(other.id, (*text)->text(0)));
  EXPECT_EQ(bills().close(other.id, cluster.running_month()).error().code, "month-not-over");
}

TEST_F(Months, StandWhenLateEventsComeAndCorrectInTheNext) {
  level("l1", "2026-01-15T12:00:00Z", 5);
  ASSERT_TRUE(bills().close(partner.id, "2026-01"));
  const json before = bill("2026-01");

  level("late", "2026-01-20T12:00:00Z", 9);

  EXPECT_EQ(bill("2026-01"), before);
  const json next = bill("2026-02");
  ASSERT_EQ(next["corrections"].size(), 1U) << next.dump();
  EXPECT_EQ(next["corrections"][0]["corrects"], "2026-01");
  EXPECT_EQ(next["corrections"][0]["amount_cents"], 400);
  ASSERT_TRUE(bills().close(partner.id, "2026-02"));
  EXPECT_EQ(bill("2026-03")["corrections"].size(), 0U) << "billed by now";
  const auto checked = check();
  ASSERT_TRUE(checked) << checked.error().message;
  EXPECT_EQ(checked->months, 2U);
}

TEST_F(Months, AreRatedWithThePricesOfTheirClosing) {
  level("l1", "2026-01-15T12:00:00Z", 5);
  ASSERT_TRUE(bills().close(partner.id, "2026-01"));
  const auto text = cluster.cluster->services().tenants.prices(partner.id);
  json dearer = json::parse(*text);
  dearer["prices"].push_back({{"mode", "per_gb"},
                              {"product", "storage/provider"},
                              {"from", "2026-02"},
                              {"micro", 3'000'000}});
  ASSERT_TRUE(cluster.cluster->services().tenants.put_prices(partner.id, dearer.dump()));

  EXPECT_EQ(bill("2026-02")["totals"][0]["amount_cents"], 1500);
  const auto checked = check();
  EXPECT_TRUE(checked) << checked.error().message;
}

TEST_F(Months, ShowWhateverWasChangedBehindThem) {
  const struct {
    const char* statement;
    const char* named;
  } cases[] = {
      {"UPDATE closed_months SET bill = REPLACE(bill, '500', '400')"
       " WHERE partner = :partner AND month = '2026-01'",
       "closed month 2026-01: its bill was changed"},
      {"DELETE FROM closed_months WHERE partner = :partner AND month = '2026-02'",
       "closed month 2026-03: the month before it is missing"},
      {"UPDATE closed_months SET closing = (SELECT closing FROM closed_months AS other"
       " WHERE other.partner = :partner AND other.month = '2026-01')"
       " WHERE partner = :partner AND month = '2026-02'",
       "closed month 2026-02: its signature is for another one"},
      {"UPDATE closed_months SET closing = REPLACE(closing, '.', 'A.')"
       " WHERE partner = :partner AND month = '2026-02'",
       ""},
      {"UPDATE price_lists SET document = REPLACE(document, '\"micro\":1000000', '\"micro\":1')"
       " WHERE partner = :partner",
       "closed month 2026-01: its price list was changed"},
      {"DELETE FROM price_lists WHERE partner = :partner",
       "closed month 2026-01: its price list is missing"},
      {"UPDATE ledger SET event = REPLACE(event, '2026-01-15', '2026-01-16')"
       " WHERE partner = :partner AND event_id = 'l1'",
       "ledger row"},
      {"DELETE FROM ledger WHERE partner = :partner AND number = 2", "ledger row"},
      {"UPDATE ledger SET received = received + 1 WHERE partner = :partner AND number = 1",
       "ledger row 1"},
      // The end of the chain was cut off: the closing knows where it was.
      {"DELETE FROM ledger WHERE partner = :partner AND number = 4",
       "closed month 2026-02: row 4 of the ledger is another one"},
  };
  level("l1", "2026-01-15T12:00:00Z", 5);
  ASSERT_TRUE(bills().close(partner.id, "2026-01"));
  level("l2", "2026-02-15T12:00:00Z", 6);
  ASSERT_TRUE(bills().close(partner.id, "2026-02"));
  ASSERT_TRUE(bills().close(partner.id, "2026-03"));
  ASSERT_TRUE(check());
  for (const auto& each : cases) {
    // Undone again, since the spoilt transaction fails in the end.
    const auto tried = database().together([&](sql::Session& session) -> Result<void> {
      const auto done = session.exec(each.statement, {{"partner", partner.id}});
      EXPECT_TRUE(done && *done > 0) << each.statement;
      const auto found = check();
      EXPECT_FALSE(found) << each.statement;
      if (!found) {
        EXPECT_NE(found.error().message.find(each.named), std::string::npos)
            << each.statement << ": " << found.error().message;
      }
      return fail(ErrorKind::kRefused, "undone");
    });
    EXPECT_FALSE(tried);
    const auto again = check();
    EXPECT_TRUE(again) << again.error().message;
  }
}

TEST_F(Months, CloseWhileEventsArrive) {
  level("l0", "2026-01-15T12:00:00Z", 1);
  std::vector<std::jthread> writers;
  for (int writer = 0; writer < 3; ++writer) {
    writers.emplace_back([&, writer] {
      for (int i = 0; i < 60; ++i) {
        const std::string minute = (i < 10 ? "0" : "") + std::to_string(i);
        level("w" + std::to_string(writer) + "-" + minute,
              "2026-01-20T12:" + minute + ":0" + std::to_string(writer) + "Z", 1 + i);
      }
    });
  }
  const auto first = bills().close(partner.id, "2026-01");
  ASSERT_TRUE(first) << first.error().detail;
  writers.clear();

  // Whatever the closing saw, the two bills say together what one says with all events.
  const json closed = json::parse(first->bill);
  const json next = bill("2026-02");
  std::int64_t cents = closed["totals"][0]["amount_cents"];
  for (const json& correction : next["corrections"]) {
    cents += correction["amount_cents"].get<std::int64_t>();
  }
  EXPECT_EQ(cents, 6000);
  const auto checked = check();
  ASSERT_TRUE(checked) << checked.error().message;
  EXPECT_EQ(checked->head.sequence, 3U + 180U);
}

// The writer reads a row that is being chained, and adds one that the sequencer has looked for: as
// long as such events came, PostgreSQL sent one of the two back.
TEST_F(Months, AreChainedWhileEventsComeOnceMore) {
  if (std::getenv("OBHUT_TEST_POSTGRESQL") == nullptr) GTEST_SKIP() << "SQLite has one writer";
  const auto event = [&](const std::string& id) {
    return billing::storage_level({id, at("2026-01-15T12:00:00Z"), "c1"}, "vault",
                                  billing::Location::kProvider, 1);
  };
  append(event("known"));
  int attempts = 0;

  const auto written = database().write([&](sql::Session& session) -> Result<void> {
    ++attempts;
    TRY(append_event(session, partner.id, event("known"), cluster.clock.now()));
    const auto chained = std::async([&] { return chain_rows(database(), partner.id); }).get();
    EXPECT_TRUE(chained) << chained.error().message;
    return append_event(session, partner.id, event("new"), cluster.clock.now());
  });

  EXPECT_TRUE(written) << written.error().message;
  EXPECT_EQ(attempts, 1);
}

TEST_F(Months, CloseForOneOfManyWhoAskAtOnce) {
  level("l1", "2026-01-15T12:00:00Z", 5);
  std::vector<std::string> closings(4);
  {
    std::vector<std::jthread> askers;
    for (std::string& closing : closings) {
      askers.emplace_back([&] {
        const auto closed = bills().close(partner.id, "2026-01");
        ASSERT_TRUE(closed) << closed.error().detail;
        closing = closed->closing;
      });
    }
  }
  for (const std::string& closing : closings) EXPECT_EQ(closing, closings.front());
}

TEST_F(Months, ShowWhatWasUsedDayByDay) {
  level("l1", "2026-01-15T12:00:00Z", 5);
  level("l2", "2026-01-16T12:00:00Z", 3);
  const std::string path = base() + "/usage/2026-01";

  const Answered all = cluster.call("GET", path, partner.session);

  ASSERT_EQ(all.status, 200) << all.text;
  ASSERT_EQ(all.body["days"].size(), 17U);
  EXPECT_EQ(all.body["days"][0], json({{"customer", "c1"},
                                       {"day", "2026-01-15"},
                                       {"storage",
                                        {{{"location", "provider"},
                                          {"max_bytes", 5 * kGigabyte},
                                          {"max_since", "2026-01-15T12:00:00.000000Z"},
                                          {"event", "l1"},
                                          {"vault", "vault"},
                                          {"end_bytes", 5 * kGigabyte}}}},
                                       {"workloads", json::object()}}));
  EXPECT_EQ(all.body["storage"], json({{{"customer", "c1"},
                                        {"location", "provider"},
                                        {"max_bytes", 5 * kGigabyte},
                                        {"level_bytes", 3 * kGigabyte},
                                        {"room_bytes", 2 * kGigabyte}}}));
  const Answered other = cluster.call("GET", path + "?customer=c2", partner.session);
  EXPECT_EQ(other.body["days"].size(), 0U);
  const Answered table = cluster.call("GET", path + "?format=csv&customer=c1", partner.session);
  EXPECT_EQ(table.headers.at("content-type"), "text/csv; charset=utf-8");
  EXPECT_NE(table.text.find("2026-01-15,c1,storage/provider,,5000000000,"
                            "2026-01-15T12:00:00.000000Z,l1,vault,5000000000\r\n"),
            std::string::npos)
      << table.text;
  EXPECT_EQ(cluster.call("GET", path + "?product=storage/local", partner.session).body["days"],
            json::array());
  EXPECT_EQ(
      cluster.call("GET", path + "?product=storage/provider", partner.session).body["days"].size(),
      17U);
  EXPECT_EQ(cluster.call("GET", path + "?device=nobody", partner.session).status, 404);
  EXPECT_EQ(cluster.call("GET", path + "?format=xml", partner.session).status, 422);
  EXPECT_EQ(cluster.call("GET", base() + "/usage/2026", partner.session).code(), "invalid-month");
}

TEST_F(Months, SayWhatTheRunningOneWillComeTo) {
  const Instant now = cluster.clock.now();
  const std::string month = cluster.running_month();
  const auto tell = [&](const std::string& id, std::chrono::days ago, std::uint64_t gigabytes) {
    append(billing::storage_level({id, now - ago, "c1"}, "vault", billing::Location::kProvider,
                                  gigabytes * kGigabyte));
  };
  tell("old", std::chrono::days(40), 100);
  tell("new", std::chrono::days(1), 400);

  const Answered told =
      cluster.call("GET", base() + "/bills/" + month + "/forecast", partner.session);

  ASSERT_EQ(told.status, 200) << told.text;
  EXPECT_EQ(told.body["to_date"]["totals"][0]["amount_cents"], 40'000);
  const std::int64_t forecast = told.body["forecast"]["totals"][0]["amount_cents"];
  // 300 GB in 30 days: at most 31 days more of 10 GB each.
  EXPECT_GE(forecast, 40'000);
  EXPECT_LE(forecast, 40'000 + 31'100);
  EXPECT_EQ(bill(month)["totals"][0]["amount_cents"], 40'000) << "a forecast leaves no trace";
  EXPECT_EQ(cluster.call("GET", base() + "/bills/2026-01/forecast", partner.session).code(),
            "month-not-running");
}

TEST_F(Months, AreEstimatedForWhoMaySeeThePrices) {
  const json plan = {{"start", "2026-12"}, {"storage", {{{"location", "provider"}, {"gb", 10}}}}};
  const Answered own = cluster.call("POST", "/api/v1/calculator", partner.session, plan);

  ASSERT_EQ(own.status, 200) << own.text;
  EXPECT_EQ(own.body["per_gb"]["total_cents"], 12 * 1000);
  EXPECT_EQ(own.body["cheaper"], nullptr) << "both alike";
  EXPECT_EQ(cluster.call("POST", "/api/v1/calculator", cluster.provider, plan).status, 422);
  EXPECT_EQ(
      cluster
          .call("POST", "/api/v1/calculator?partner=" + partner.id.text(), cluster.provider, plan)
          .text,
      own.text);
  TestPartner other = cluster.make_partner("beta");
  EXPECT_EQ(
      cluster.call("POST", "/api/v1/calculator?partner=" + partner.id.text(), other.session, plan)
          .code(),
      "no-prices")
      << "one's own prices, whoever is named";
  const Answered bad =
      cluster.call("POST", "/api/v1/calculator", partner.session, {{"start", "2026-12"}});
  EXPECT_EQ(bad.status, 422);
  EXPECT_NE(bad.body["detail"].get<std::string>().find("nothing is planned"), std::string::npos);
}

TEST_F(Months, AreExportedWithAllThatABillFollowsFrom) {
  level("l1", "2026-01-15T12:00:00Z", 5);
  const auto closed = bills().close(partner.id, "2026-01");
  ASSERT_TRUE(closed);
  level("l2", "2026-02-15T12:00:00Z", 6);
  const std::string folder = cluster.folder + "/export";

  const auto done =
      export_ledger(database(), partner.id, cluster.cluster->state().cluster_key.public_key(),
                    cluster.clock.now(), folder);

  ASSERT_TRUE(done) << done.error().message;
  const auto text = [&](const std::string& name) {
    return std::string(as_text(*platform::read_file(folder + "/" + name, 1U << 20U)));
  };
  const json about = json::parse(text("export.json"));
  EXPECT_EQ(about["rows"], 4);
  EXPECT_EQ(about["prices"], closed->prices.text());
  EXPECT_EQ(about["head"], check()->head.hash.text());
  EXPECT_EQ(text("bills/2026-01.json"), closed->bill);
  EXPECT_EQ(text("closings/2026-01.jws"), closed->closing);
  EXPECT_EQ(crypto::sha256(as_bytes(text("prices/" + closed->prices.text() + ".json"))),
            closed->prices);
  const std::string rows = text("ledger.jsonl");
  EXPECT_EQ(std::ranges::count(rows, '\n'), 4);
  const json last = json::parse(rows.substr(rows.rfind('\n', rows.size() - 2) + 1));
  EXPECT_EQ(last["number"], 4);
  EXPECT_EQ(json::parse(last["event"].get<std::string>())["id"], "l2");
  EXPECT_EQ(last["hash"], about["head"]);
  const auto again =
      export_ledger(database(), partner.id, cluster.cluster->state().cluster_key.public_key(),
                    cluster.clock.now(), folder);
  EXPECT_EQ(again.error().kind, ErrorKind::kConflict);
}

TEST_F(Months, PriceListsThatWereEverSetCanBeReadAgain) {
  json dearer = json::parse(*cluster.cluster->services().tenants.prices(partner.id));
  const std::string first = dearer.dump();
  dearer["policies"][0]["trial_days"] = 7;
  ASSERT_EQ(cluster.call("PUT", base() + "/prices", cluster.provider, dearer).status, 204);

  const Answered versions = cluster.call("GET", base() + "/prices/versions", partner.session);

  ASSERT_EQ(versions.body["versions"].size(), 2U) << versions.text;
  EXPECT_EQ(versions.body["versions"][0]["in_force"], false);
  EXPECT_EQ(versions.body["versions"][1]["in_force"], true);
  const std::string path =
      base() + "/prices/versions/" + versions.body["versions"][0]["sha256"].get<std::string>();
  EXPECT_EQ(json::parse(cluster.call("GET", path, partner.session).text), json::parse(first));
  TestPartner other = cluster.make_partner("gamma");
  EXPECT_EQ(cluster.call("GET", path, other.session).status, 404);
  EXPECT_EQ(
      cluster.call("GET", base() + "/prices/versions/" + std::string(64, '0'), partner.session)
          .status,
      404);
}

}  // namespace
}  // namespace obhut::cluster::test
