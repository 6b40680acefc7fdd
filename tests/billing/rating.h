#pragma once
// Events and prices as short texts, and bills as lines to compare them with.

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "agent/base/time_text.h"
#include "service/billing/rate.h"

namespace obhut::billing::test {

/// Berlin; server 12.50, workstation 4.50, storage 0.05 and 0.07 a GB for workloads' customers, and
/// 0.02, 0.09, 0.11 where storage alone is charged.
inline constexpr std::string_view kPrices = R"({"currency":"EUR","time_zone":"Europe/Berlin",
"policies":[{"from":"2025-01","gb_bytes":1000000000,"gb_step":"1","trial_days":28,
             "trial_free":["workload/*","storage/vendor"]}],
"prices":[
 {"mode":"per_workload","product":"workload/server","from":"2025-01","micro":12500000},
 {"mode":"per_workload","product":"workload/workstation","from":"2025-01","micro":4500000},
 {"mode":"per_workload","product":"storage/local","from":"2025-01","micro":0},
 {"mode":"per_workload","product":"storage/provider","from":"2025-01","micro":50000},
 {"mode":"per_workload","product":"storage/vendor","from":"2025-01","micro":70000},
 {"mode":"per_gb","product":"storage/local","from":"2025-01","micro":20000},
 {"mode":"per_gb","product":"storage/provider","from":"2025-01","micro":90000},
 {"mode":"per_gb","product":"storage/vendor","from":"2025-01","micro":110000}]})";

/// `text` with the first `from` replaced by `to`; the test fails where there is none.
inline std::string with(std::string_view text, std::string_view from, std::string_view to) {
  std::string changed(text);
  const std::size_t at = changed.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) changed.replace(at, from.size(), to);
  return changed;
}

/// A line of JSON. `at` without an offset is UTC; `rest` is what follows `customer`.
inline std::string event(std::string_view id, std::string_view type, std::string_view at,
                         std::string_view customer, std::string_view rest = "") {
  std::string instant(at);
  if (at.find_first_of("Z+-", 10) == std::string_view::npos) instant += "Z";
  std::string line = "{\"id\":\"" + std::string(id) + "\",\"type\":\"" + std::string(type) +
                     "\",\"at\":\"" + instant + "\",\"customer\":\"" + std::string(customer) + "\"";
  if (!rest.empty()) line += "," + std::string(rest);
  return line + "}\n";
}
inline std::string created(std::string_view id, std::string_view at,
                           std::string_view mode = "per_workload",
                           std::string_view customer = "c1") {
  return event(id, "customer.created", at, customer, "\"mode\":\"" + std::string(mode) + "\"");
}
inline std::string mode(std::string_view id, std::string_view at, std::string_view mode) {
  return event(id, "customer.mode", at, "c1", "\"mode\":\"" + std::string(mode) + "\"");
}
inline std::string deleted(std::string_view id, std::string_view at) {
  return event(id, "customer.deleted", at, "c1");
}
inline std::string trial(std::string_view id, std::string_view at) {
  return event(id, "trial.started", at, "c1");
}
inline std::string on(std::string_view id, std::string_view at, std::string_view workload = "w1",
                      std::string_view kind = "server", std::string_view clock = "") {
  std::string rest =
      "\"workload\":\"" + std::string(workload) + "\",\"kind\":\"" + std::string(kind) + "\"";
  if (!clock.empty()) rest += ",\"clock\":\"" + std::string(clock) + "\"";
  return event(id, "workload.activated", at, "c1", rest);
}
inline std::string off(std::string_view id, std::string_view at, std::string_view workload = "w1") {
  return event(id, "workload.removed", at, "c1", "\"workload\":\"" + std::string(workload) + "\"");
}
/// In: whole GB, or bytes as text.
inline std::string level_bytes(std::string_view id, std::string_view at, std::string_view vault,
                               std::string_view location, std::string_view bytes) {
  return event(id, "storage.level", at, "c1",
               "\"vault\":\"" + std::string(vault) + "\",\"location\":\"" + std::string(location) +
                   "\",\"bytes\":" + std::string(bytes));
}
inline std::string level(std::string_view id, std::string_view at, std::string_view vault, int gb,
                         std::string_view location = "provider") {
  return level_bytes(id, at, vault, location, gb == 0 ? "0" : std::to_string(gb) + "000000000");
}

inline std::string ids_text(const std::vector<std::string>& ids) {
  std::string text = "[";
  for (const std::string& id : ids) text += (text.size() > 1 ? " " : "") + id;
  return text + "]";
}

/// One text a line, correction and notice: "c1 workload/server 1 1250 2026-03-31T21:59:59Z [e2]",
/// "c1 workload/server corrects 2026-02: 0 -> 1250 [e2]", "e7 not_alive".
inline std::vector<std::string> lines_of(const Bill& bill) {
  std::vector<std::string> texts;
  for (const BillLine& line : bill.lines) {
    texts.push_back(line.customer + " " + line.product + " " + line.quantity + " " +
                    std::to_string(line.amount_cents) + " " + format_time(line.first_use) + " " +
                    ids_text(line.evidence) + (line.note.empty() ? "" : " " + line.note));
  }
  for (const Correction& c : bill.corrections) {
    EXPECT_EQ(c.amount_cents, c.now_cents - c.was_cents);
    texts.push_back(c.customer + " " + c.product + " corrects " + c.corrects.text() + ": " +
                    std::to_string(c.was_cents) + " -> " + std::to_string(c.now_cents) + " " +
                    ids_text(c.evidence));
  }
  for (const Notice& notice : bill.notices) texts.push_back(notice.event + " " + notice.code);
  return texts;
}

using Lines = std::vector<std::string>;

inline Result<Bill> try_rate(std::string_view events, std::string_view month,
                             std::string_view prices = kPrices,
                             const std::vector<ClosedBill>& closed = {}) {
  ASSIGN_OR_RETURN(const PriceList list, PriceList::parse("prices.json", prices));
  ASSIGN_OR_RETURN(const EventSet set, EventSet::from_text("events.jsonl", std::string(events)));
  return rate(set, list, Month::parse(month).value(), closed);
}

inline Bill bill_of(std::string_view events, std::string_view month,
                    std::string_view prices = kPrices, const std::vector<ClosedBill>& closed = {}) {
  Result<Bill> bill = try_rate(events, month, prices, closed);
  EXPECT_TRUE(bill) << (bill ? "" : bill.error().message);
  return bill ? *bill : Bill{};
}

/// The lines of a month; or one text, the error.
inline Lines rated(std::string_view events, std::string_view month,
                   std::string_view prices = kPrices, const std::vector<ClosedBill>& closed = {}) {
  const Result<Bill> bill = try_rate(events, month, prices, closed);
  return bill ? lines_of(*bill) : Lines{bill.error().message};
}

inline std::string error_of(std::string_view events, std::string_view month = "2026-03",
                            std::string_view prices = kPrices,
                            const std::vector<ClosedBill>& closed = {}) {
  const Result<Bill> bill = try_rate(events, month, prices, closed);
  return bill ? "no error" : bill.error().message;
}

/// A month closed as it would be: its bill, written out and read again.
inline ClosedBill closed(std::string_view events, std::string_view month,
                         const std::vector<ClosedBill>& before = {},
                         std::string_view prices = kPrices) {
  const Bill bill = bill_of(events, month, prices, before);
  Result<ClosedBill> read = ClosedBill::parse(std::string(month) + ".json", bill_to_json(bill));
  EXPECT_TRUE(read) << (read ? "" : read.error().message);
  return read ? *read : ClosedBill{};
}

}  // namespace obhut::billing::test
