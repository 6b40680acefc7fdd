#include "service/cluster/rating_inputs.h"

#include <algorithm>
#include <fstream>

#include "platform/local_files.h"
#include "service/cluster/ledger_store.h"
#include "service/cluster/tenants.h"

namespace obhut::cluster {
namespace {

constexpr std::size_t kPage = 10'000;
constexpr std::string_view kUsualZone = "Europe/Berlin";

struct TemporaryFolder {
  std::string path;
  ~TemporaryFolder() { (void)platform::remove_tree(path); }  // ignored: temporary
};

struct Documents {
  std::string prices;
  std::vector<ClosedMonth> closed;
};

Answer<Documents> documents_of(sql::Session& session, const PartnerId& partner) {
  ASSIGN_OR_RETURN(std::string prices, price_list_text(session, partner));
  ASSIGN_OR_RETURN(std::vector<ClosedMonth> closed, closed_months(session, partner));
  return Documents{std::move(prices), std::move(closed)};
}

}  // namespace

// Through a file: a rating reads a ledger of any length in little memory. Nothing of it need last,
// so that it is not synced.
Result<billing::EventSet> ledger_events(sql::Database& database, const PartnerId& partner,
                                        std::uint64_t last_row, std::string_view more_events,
                                        const std::function<bool(std::string_view)>& keep) {
  ASSIGN_OR_RETURN(std::string folder, platform::make_temporary_directory("obhut-rating-"));
  const TemporaryFolder temporary{std::move(folder)};
  const std::string path = platform::join(temporary.path, "ledger");
  std::ofstream file(path, std::ios::binary);
  std::uint64_t after = 0;
  while (after < last_row) {
    const std::size_t page = std::min<std::uint64_t>(kPage, last_row - after);
    ASSIGN_OR_RETURN(const std::vector<LedgerEntry> rows, database.read([&](sql::Session& session) {
      return read_ledger(session, partner, after, page);
    }));
    if (rows.empty()) break;
    std::string lines;
    for (const LedgerEntry& entry : rows) {
      if (!keep || keep(entry.event)) lines += entry.event + "\n";
    }
    file << lines;
    after = rows.back().number;
  }
  file << more_events;
  file.close();
  if (!file) return fail(ErrorKind::kQuotaExceeded, "write events to " + path + ": disk full?");
  return billing::EventSet::from_file(path);
}

Answer<billing::PriceList> price_list_of(sql::Session& session, const PartnerId& partner) {
  ASSIGN_OR_RETURN(const std::string text, price_list_text(session, partner));
  ASSIGN_OR_RETURN(billing::PriceList prices, billing::PriceList::parse("price list", text));
  return prices;
}

Answer<billing::PriceList> price_list_of(sql::Database& database, const PartnerId& partner) {
  return database.read([&](sql::Session& session) { return price_list_of(session, partner); });
}

Result<billing::BillingCalendar> calendar_of(sql::Session& session, const PartnerId& partner) {
  const Answer<billing::PriceList> prices = price_list_of(session, partner);
  if (prices) return prices->calendar();
  if (prices.error().code != "no-prices") return fail(prices.error().kind, prices.error().detail);
  return billing::BillingCalendar::open(kUsualZone);
}

Answer<billing::Month> month_in(std::string_view text) {
  const auto month = billing::Month::parse(text);
  if (!month) return refuse(422, "invalid-month", "a month reads as 2026-03");
  return *month;
}

Answer<RatingInputs> rating_inputs(sql::Database& database, const PartnerId& partner) {
  ASSIGN_OR_RETURN(const billing::LedgerHead head, chain_rows(database, partner));
  ASSIGN_OR_RETURN(Documents documents,
                   database.read([&](sql::Session& session) -> Answer<Documents> {
                     return documents_of(session, partner);
                   }));
  ASSIGN_OR_RETURN(billing::PriceList prices,
                   billing::PriceList::parse("price list", documents.prices));
  ASSIGN_OR_RETURN(billing::EventSet events, ledger_events(database, partner, head.sequence));
  RatingInputs inputs{
      head, std::move(events),          std::move(prices), std::move(documents.prices),
      {},   std::move(documents.closed)};
  for (const ClosedMonth& month : inputs.closed_months) {
    ASSIGN_OR_RETURN(billing::ClosedBill bill,
                     billing::ClosedBill::parse("bill of " + month.month.text(), month.bill));
    inputs.closed.push_back(std::move(bill));
  }
  return inputs;
}

}  // namespace obhut::cluster
