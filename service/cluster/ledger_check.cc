#include "service/cluster/ledger_check.h"

#include <map>

#include "agent/crypto/digest.h"
#include "service/billing/rate.h"
#include "service/cluster/bills.h"
#include "service/cluster/closing_document.h"
#include "service/cluster/ledger_store.h"
#include "service/cluster/rating_inputs.h"

namespace obhut::cluster {
namespace {

Sha256 hash_of(std::string_view text) {
  return crypto::sha256(as_bytes(text));
}

std::unexpected<Error> broken(billing::Month month, std::string_view what) {
  return fail(ErrorKind::kCorrupt, "closed month " + month.text() + ": " + std::string(what));
}

struct ReadClosing {
  ClosedMonth month;
  Closing closing;
};

/// Signed by us, each after the one before, and of the bills that are stored.
Result<std::vector<ReadClosing>> read_closings(std::vector<ClosedMonth> months,
                                               const PartnerId& partner,
                                               const SigningKeyId& cluster_key) {
  std::vector<ReadClosing> closings;
  Sha256 previous;
  for (ClosedMonth& month : months) {
    ASSIGN_OR_RETURN(const Closing closing, read_closing(month.closing, cluster_key));
    if (closing.partner != partner || closing.month != month.month) {
      return broken(month.month, "its signature is for another one");
    }
    if (!closings.empty() && month.month != closings.back().month.month.next()) {
      return broken(month.month, "the month before it is missing");
    }
    if (closing.previous != previous) return broken(month.month, "does not follow the one before");
    if (closing.bill != hash_of(month.bill)) return broken(month.month, "its bill was changed");
    if (closing.prices != month.prices) return broken(month.month, "names other prices");
    previous = hash_of(month.closing);
    closings.push_back({std::move(month), closing});
  }
  return closings;
}

Result<std::string> price_list(sql::Database& database, const PartnerId& partner,
                               const ReadClosing& closed) {
  ASSIGN_OR_RETURN(const std::optional<sql::Row> row, database.read([&](sql::Session& session) {
    return session.query_one(
        "SELECT document FROM price_lists WHERE partner = :partner AND hash = :hash",
        {{"partner", partner}, {"hash", closed.closing.prices}});
  }));
  if (!row) return broken(closed.month.month, "its price list is missing");
  if (hash_of(row->text(0)) != closed.closing.prices) {
    return broken(closed.month.month, "its price list was changed");
  }
  return row->text(0);
}

/// The bill again, from what it was made of.
Result<void> rate_again(sql::Database& database, const PartnerId& partner,
                        const ReadClosing& closed, const std::vector<billing::ClosedBill>& before) {
  ASSIGN_OR_RETURN(const std::string prices_text, price_list(database, partner, closed));
  ASSIGN_OR_RETURN(const billing::PriceList prices,
                   billing::PriceList::parse("price list", prices_text));
  ASSIGN_OR_RETURN(const billing::EventSet events,
                   ledger_events(database, partner, closed.closing.head.sequence));
  ASSIGN_OR_RETURN(const billing::Bill bill,
                   billing::rate(events, prices, closed.month.month, before));
  if (billing::bill_to_json(bill) == closed.month.bill) return {};
  return broken(closed.month.month, "its events give another bill");
}

}  // namespace

Result<LedgerState> check_ledger(sql::Database& database, const PartnerId& partner,
                                 const SigningKeyId& cluster_key) {
  TRY(chain_rows(database, partner));
  ASSIGN_OR_RETURN(std::vector<ClosedMonth> months, database.read([&](sql::Session& session) {
    return closed_months(session, partner);
  }));
  ASSIGN_OR_RETURN(const std::vector<ReadClosing> closings,
                   read_closings(std::move(months), partner, cluster_key));
  std::map<std::uint64_t, Sha256> heads{{0, billing::genesis(partner).hash}};
  for (const ReadClosing& each : closings) heads[each.closing.head.sequence] = {};
  LedgerState state;
  ASSIGN_OR_RETURN(state.head, database.read([&](sql::Session& session) {
    return verify_chain(session, partner, [&](const billing::LedgerHead& head) {
      if (const auto at = heads.find(head.sequence); at != heads.end()) at->second = head.hash;
    });
  }));
  std::vector<billing::ClosedBill> before;
  for (const ReadClosing& each : closings) {
    if (heads[each.closing.head.sequence] != each.closing.head.hash) {
      return broken(each.month.month, "row " + std::to_string(each.closing.head.sequence) +
                                          " of the ledger is another one than was closed with");
    }
    TRY(rate_again(database, partner, each, before));
    ASSIGN_OR_RETURN(
        billing::ClosedBill bill,
        billing::ClosedBill::parse("bill of " + each.month.month.text(), each.month.bill));
    before.push_back(std::move(bill));
    ++state.months;
  }
  return state;
}

}  // namespace obhut::cluster
