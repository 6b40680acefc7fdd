// The chain: golden bytes of FORMAT.md, and every way to break it.

#include "service/billing/ledger.h"

#include <functional>

#include <gtest/gtest.h>

#include "agent/base/time_text.h"
#include "service/billing/event_set.h"
#include "service/billing/event_text.h"

namespace obhut::billing {
namespace {

PartnerId partner(std::uint8_t n) {
  std::array<std::uint8_t, 16> bytes{};
  bytes.fill(n);
  return PartnerId(bytes);
}

const Instant kNoon = parse_time("2026-03-15T12:00:00.000001Z").value();

std::string created_text(std::string_view id) {
  return customer_created({id, kNoon, "c1"}, Mode::kPerGb);
}

struct Stored {
  LedgerRow row;
  Sha256 hash;
};

std::vector<Stored> chain(int rows) {
  std::vector<Stored> stored;
  LedgerHead head = genesis(partner(1));
  for (int i = 1; i <= rows; ++i) {
    LedgerRow row = next_row(partner(1), head, created_text("e" + std::to_string(i)),
                             kNoon + std::chrono::seconds{i})
                        .value();
    const Sha256 hash = row_hash(row);
    head = {row.sequence, hash};
    stored.push_back({row, hash});
  }
  return stored;
}

std::string verify(const std::vector<Stored>& rows) {
  ChainVerifier verifier(partner(1));
  for (const Stored& stored : rows) {
    if (Result<void> next = verifier.next(stored.row, stored.hash); !next) {
      return next.error().message;
    }
  }
  return "whole to " + std::to_string(verifier.head().sequence);
}

TEST(Ledger, RowsHaveTheBytesOfTheFormat) {
  const LedgerRow row =
      next_row(partner(1), genesis(partner(1)),
               R"({"id":"p","type":"partner.cancelled","at":"2026-03-15T12:00:00Z"})", kNoon)
          .value();

  EXPECT_EQ(
      to_hex(row_bytes(row)),
      "126f626875742e6c65646765722e726f772f31"  // "obhut.ledger.row/1"
      "01010101010101010101010101010101"        // partner
      "0100000000000000"                        // sequence
      "015076d70e4d0600"                        // received at, microseconds
          + genesis(partner(1)).hash.text() +
          "0170"  // event id
          "417b226964223a2270222c2274797065223a22706172746e65722e63616e63656c6c6564222c226174223a"
          "22323032362d30332d31355431323a30303a30305a227d");
}

TEST(Ledger, HashesAreTheGoldenOnes) {
  EXPECT_EQ(genesis(partner(1)).hash.text(),
            "1167f41f2010cae5ce6eaeb3d47f3a4b4e68ace1ce894a13bce5f2a13ab73534");
  EXPECT_EQ(chain(2)[1].hash.text(),
            "64b1330863d99cc14b18730f627b4eed1118e3508b19ede45b5d5aed2b799da9");
}

TEST(Ledger, VerifiesAWholeChain) {
  EXPECT_EQ(verify({}), "whole to 0");
  EXPECT_EQ(verify(chain(5)), "whole to 5");
}

TEST(Ledger, FindsEveryChangeOfARow) {
  const std::vector<std::function<void(Stored&)>> changes = {
      [](Stored& s) { s.row.partner = partner(2); },
      [](Stored& s) { s.row.sequence += 1; },
      [](Stored& s) { s.row.received_at += std::chrono::microseconds{1}; },
      [](Stored& s) { s.row.event_id += "x"; },
      [](Stored& s) { s.row.event_json += " "; },
      [](Stored& s) { s.row.previous = Sha256{}; },
      [](Stored& s) { s.hash = Sha256{}; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    std::vector<Stored> rows = chain(3);
    changes[i](rows[1]);
    EXPECT_TRUE(verify(rows).starts_with("ledger row ")) << "change " << i;
  }
}

TEST(Ledger, FindsMissingSwappedAndRepeatedRows) {
  std::vector<Stored> rows = chain(4);
  rows.erase(rows.begin() + 1);
  EXPECT_EQ(verify(rows), "ledger row 3: follows row 1, a row is missing");
  rows = chain(4);
  std::swap(rows[1], rows[2]);
  EXPECT_EQ(verify(rows), "ledger row 3: follows row 1, a row is missing");
  rows = chain(4);
  rows.insert(rows.begin() + 1, rows[0]);
  EXPECT_EQ(verify(rows), "ledger row 1: follows row 1, a row is missing");
}

TEST(Ledger, DoesNotTakeARowRehashedInPlace) {
  std::vector<Stored> rows = chain(3);
  rows[1].row.event_json = created_text("e2");
  rows[1].row.received_at += std::chrono::hours{1};
  rows[1].hash = row_hash(rows[1].row);
  EXPECT_EQ(verify(rows), "ledger row 3: does not hold the hash of the row before");
}

TEST(Ledger, BindsAChainToItsPartner) {
  EXPECT_NE(genesis(partner(1)).hash, genesis(partner(2)).hash);
}

TEST(Ledger, TakesEventsOnly) {
  const auto error = [](std::string text) {
    const auto row = next_row(partner(1), genesis(partner(1)), std::move(text), kNoon);
    return row ? row->event_id : row.error().message;
  };
  EXPECT_EQ(error(created_text("e1")), "e1");
  EXPECT_EQ(error("{}"), "event: field \"id\": is missing");
  EXPECT_EQ(error("nonsense"), "event: not valid JSON at byte 1");
  EXPECT_EQ(error(created_text("e1") + "\n"), "event: must be one line");
}

TEST(Ledger, KnowsARepeatedDelivery) {
  EXPECT_TRUE(same_event(R"({"id":"a","n":1})", R"({ "n":1, "id":"\u0061" })"));
  EXPECT_FALSE(same_event(R"({"id":"a","n":1})", R"({"id":"a","n":1.0})"));
  EXPECT_FALSE(same_event("1", "1"));
  EXPECT_FALSE(same_event("{", "{"));
}

// --- the events that the cluster writes ---

TEST(EventText, HasOneSpelling) {
  const EventHead head{"e1", kNoon, "M\xC3\xBCller \"1\""};
  const std::string begin = R"({"id":"e1","type":")";
  const std::string rest = R"(","at":"2026-03-15T12:00:00.000001Z","customer":"M)"
                           "\xC3\xBC"
                           R"(ller \"1\"")";
  EXPECT_EQ(customer_created(head, Mode::kPerWorkload),
            begin + "customer.created" + rest + R"(,"mode":"per_workload"})");
  EXPECT_EQ(customer_mode(head, Mode::kPerGb),
            begin + "customer.mode" + rest + R"(,"mode":"per_gb"})");
  EXPECT_EQ(customer_deleted(head), begin + "customer.deleted" + rest + "}");
  EXPECT_EQ(trial_started(head), begin + "trial.started" + rest + "}");
  EXPECT_EQ(workload_activated(head, "w", "server", ActivationClock::kReceipt),
            begin + "workload.activated" + rest +
                R"(,"workload":"w","kind":"server","clock":"receipt"})");
  EXPECT_EQ(workload_removed(head, "w"), begin + "workload.removed" + rest + R"(,"workload":"w"})");
  EXPECT_EQ(storage_level(head, "v", Location::kVendor, 18446744073709551615u),
            begin + "storage.level" + rest +
                R"(,"vault":"v","location":"vendor","bytes":18446744073709551615})");
  EXPECT_EQ(partner_cancelled("p", kNoon),
            R"({"id":"p","type":"partner.cancelled","at":"2026-03-15T12:00:00.000001Z"})");
}

TEST(EventText, IsReadAsItWasMeant) {
  const EventHead head{"e1", kNoon, "c1"};
  std::string lines = created_text("e0") + "\n";
  lines += storage_level(head, "v", Location::kLocal, 7) + "\n";
  const Result<EventSet> events = EventSet::from_text("x", lines);
  ASSERT_TRUE(events) << events.error().message;
  const Event& level = events->customers()[0].events[1];
  EXPECT_EQ(level.type, EventType::kStorageLevel);
  EXPECT_EQ(level.at(), kNoon);
  EXPECT_EQ(level.value, 7u);
  EXPECT_EQ(level.location, Location::kLocal);
}

}  // namespace
}  // namespace obhut::billing
