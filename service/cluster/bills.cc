#include "service/cluster/bills.h"

#include "service/billing/rate.h"
#include "service/cluster/ledger_store.h"

namespace obhut::cluster {
namespace {

constexpr std::size_t kPage = 10'000;

/// All events of the partner as JSON lines, and its price list.
struct Sources {
  std::string events;
  std::string prices;
};

Answer<Sources> sources_of(sql::Session& session, const PartnerId& partner) {
  ASSIGN_OR_RETURN(
      const std::optional<sql::Row> row,
      session.query_one("SELECT prices FROM partners WHERE id = :id", {{"id", partner}}));
  if (!row) return not_found("partner");
  if (row->text(0).empty()) return refuse(404, "no-prices", "no price list was set yet");
  Sources sources{"", row->text(0)};
  std::uint64_t after = 0;
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<LedgerEntry> rows,
                     read_ledger(session, partner, after, kPage));
    for (const LedgerEntry& entry : rows) sources.events += entry.event + "\n";
    if (rows.size() < kPage) return sources;
    after = rows.back().number;
  }
}

}  // namespace

Answer<std::string> Bills::bill(const PartnerId& partner, std::string_view month_text,
                                BillForm form) {
  const auto month = billing::Month::parse(month_text);
  if (!month) return refuse(422, "invalid-month", "a month reads as 2026-03");
  Answer<Sources> sources = database_.read(
      [&](sql::Session& session) -> Answer<Sources> { return sources_of(session, partner); });
  if (!sources) return std::unexpected(sources.error());
  ASSIGN_OR_RETURN(const billing::EventSet events,
                   billing::EventSet::from_text("ledger", std::move(sources->events)));
  ASSIGN_OR_RETURN(const billing::PriceList prices,
                   billing::PriceList::parse("price list", sources->prices));
  ASSIGN_OR_RETURN(const billing::Bill bill, billing::rate(events, prices, *month, {}));
  return billing::bill_to_text(
      bill, form == BillForm::kCsv ? billing::BillFormat::kCsv : billing::BillFormat::kJson);
}

}  // namespace obhut::cluster
