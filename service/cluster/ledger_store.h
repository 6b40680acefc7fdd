#pragma once
// The ledger in the database: rows are written in the transaction that causes the fact, and chained
// by one sequencer afterwards, in the order in which they were committed.

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/log.h"
#include "agent/base/result.h"
#include "service/billing/ledger.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

/// The id of an event that can happen more than once for the same subject: "<what>-<id>-<time>".
template <class IdType>
std::string event_id_at(std::string_view what, const IdType& id, Instant at) {
  return std::string(what) + "-" + id.text() + "-" + std::to_string(at.time_since_epoch().count());
}

/// Writes one event of the partner's; a repeated one (same id, same content) is left alone. Reads
/// and locks nothing that other writers of the ledger do.
/// Errors: kConflict for an id that stands there with other content; kInvalidInput for what is no
/// event; the database's.
Result<void> append_event(sql::Session& session, const PartnerId& partner, std::string event_json,
                          Instant received_at);

/// Chains what was committed and is in no chain yet, of the partner: afterwards all of it is. One
/// goes on at a time.
Result<billing::LedgerHead> chain_rows(sql::Database& database, const PartnerId& partner);
/// The same for every partner, a bounded number of rows a transaction.
/// Out: rows chained.
Result<std::uint64_t> chain_all(sql::Database& database, const std::stop_token& stop = {});

struct LedgerEntry {
  std::uint64_t number = 0;
  std::string event;
  Sha256 previous;
  Sha256 hash;
  Instant received{};
};
/// At most `limit` rows of the chain after number `after`, in order.
Result<std::vector<LedgerEntry>> read_ledger(sql::Session& session, const PartnerId& partner,
                                             std::uint64_t after, std::size_t limit);

/// Recomputes the whole chain. `at_row` is called with each head on the way.
/// Errors: kCorrupt naming the row.
Result<billing::LedgerHead> verify_chain(
    sql::Session& session, const PartnerId& partner,
    const std::function<void(const billing::LedgerHead&)>& at_row = {});

}  // namespace obhut::cluster
