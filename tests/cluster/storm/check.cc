#include "tests/cluster/storm/check.h"

#include <algorithm>
#include <map>

#include "service/billing/rate.h"
#include "service/cluster/bills.h"
#include "service/cluster/ledger_check.h"
#include "service/cluster/ledger_store.h"
#include "service/cluster/rating_inputs.h"
#include "tests/cluster/storm/events.h"
#include "tests/cluster/storm/server.h"

namespace obhut::cluster::storm {
namespace {

constexpr std::size_t kPage = 10'000;

/// By month, customer and product.
using Amounts = std::map<std::array<std::string, 3>, std::int64_t>;

std::unexpected<Error> differs(std::string what) {
  return fail(ErrorKind::kCorrupt, std::move(what));
}

/// Each of `events`, once, as it was sent.
Result<void> hold_rows(sql::Database& database, std::vector<std::string> events) {
  std::ranges::sort(events);
  std::vector<bool> seen(events.size());
  std::uint64_t after = 0;
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<LedgerEntry> rows, database.read([&](sql::Session& session) {
      return read_ledger(session, storm_partner(), after, kPage);
    }));
    if (rows.empty()) break;
    for (const LedgerEntry& row : rows) {
      const auto found = std::ranges::lower_bound(events, row.event);
      if (found == events.end() || *found != row.event) {
        return differs("row " + std::to_string(row.number) + " was never sent: " + row.event);
      }
      const auto place = static_cast<std::size_t>(found - events.begin());
      if (seen[place]) return differs("row " + std::to_string(row.number) + " is there twice");
      seen[place] = true;
    }
    after = rows.back().number;
  }
  const auto missing = std::ranges::find(seen, false);
  if (missing == seen.end()) return {};
  return differs("is missing: " + events[static_cast<std::size_t>(missing - seen.begin())]);
}

void add(Amounts& amounts, const billing::ClosedBill& bill) {
  for (const auto& [customer, product, month, cents] : bill.amounts) {
    amounts[{month.text(), customer, product}] += cents;
  }
}

/// The closed bills and the next one, which corrects them, charge what `truth` does.
Result<std::string> hold_sums(sql::Database& database, const billing::EventSet& truth,
                              const billing::PriceList& prices, std::size_t closed) {
  const SystemClock clock;
  const crypto::SigningKey key = storm_key();
  Bills bills(database, clock, key);
  Amounts billed;
  Amounts right;
  std::size_t corrections = 0;
  for (std::size_t i = 0; i <= closed; ++i) {
    const auto text = bills.bill(storm_partner(), kMonths[i], BillForm::kJson);
    if (!text) return differs(text.error().detail);
    ASSIGN_OR_RETURN(const billing::Bill bill, billing::bill_of_json(kMonths[i], *text));
    corrections += bill.corrections.size();
    ASSIGN_OR_RETURN(const billing::ClosedBill amounts,
                     billing::ClosedBill::parse(kMonths[i], *text));
    add(billed, amounts);
    ASSIGN_OR_RETURN(const billing::Bill today, billing::rate(truth, prices, bill.month, {}));
    for (const billing::BillLine& line : today.lines) {
      right[{kMonths[i], line.customer, line.product}] = line.amount_cents;
    }
  }
  for (Amounts* amounts : {&billed, &right}) {
    std::erase_if(*amounts, [](const auto& entry) { return entry.second == 0; });
  }
  if (billed != right) return differs("bills and corrections come to other sums than one rating");
  if (closed > 0 && corrections == 0) return differs("no late event corrected any month");
  return std::to_string(closed) + " months closed meanwhile, " + std::to_string(corrections) +
         " corrections, " + std::to_string(right.size()) + " amounts right\n";
}

}  // namespace

Result<std::string> check_storm(sql::Database& database, std::vector<std::string> events,
                                const std::string& file, std::size_t closed) {
  // The chain, and each closed bill rated again from the rows up to its head.
  ASSIGN_OR_RETURN(const LedgerState state,
                   check_ledger(database, storm_partner(), storm_key().public_key()));
  if (state.months != closed) return differs("closed months: " + std::to_string(state.months));
  if (state.head.sequence != events.size()) {
    return differs("rows: " + std::to_string(state.head.sequence));
  }
  TRY(hold_rows(database, std::move(events)));
  ASSIGN_OR_RETURN(const billing::PriceList prices,
                   billing::PriceList::parse("price list", std::string(kPrices)));
  ASSIGN_OR_RETURN(const billing::EventSet truth, billing::EventSet::from_file(file));
  ASSIGN_OR_RETURN(const billing::EventSet ledger,
                   ledger_events(database, storm_partner(), state.head.sequence));
  std::size_t lines = 0;
  for (const char* text : kMonths) {
    const auto month = billing::Month::parse(text).value();
    ASSIGN_OR_RETURN(const billing::Bill wanted, billing::rate(truth, prices, month, {}));
    ASSIGN_OR_RETURN(const billing::Bill found, billing::rate(ledger, prices, month, {}));
    if (billing::bill_to_json(wanted) != billing::bill_to_json(found)) {
      return differs("the bill of " + std::string(text) + " is another one");
    }
    lines += found.lines.size();
  }
  ASSIGN_OR_RETURN(const std::string sums, hold_sums(database, truth, prices, closed));
  return "chain of " + std::to_string(state.head.sequence) +
         " rows whole, each event there once\n" + std::to_string(std::size(kMonths)) +
         " bills of " + std::to_string(lines) + " lines, byte for byte\n" + sums;
}

}  // namespace obhut::cluster::storm
