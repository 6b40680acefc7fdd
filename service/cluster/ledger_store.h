#pragma once
// The ledger in the database: rows are written in the transaction that causes the fact.

#include <functional>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

/// Appends one event to the partner's chain; a repeated one (same id, same content) is left alone.
/// Errors: kConflict for an id that stands there with other content; the database's.
Result<void> append_event(sql::Session& session, const PartnerId& partner, std::string event_json,
                          Instant received_at);

struct LedgerEntry {
  std::uint64_t number = 0;
  std::string event;
  Sha256 hash;
  Instant received{};
};
/// At most `limit` rows after number `after`, in order.
Result<std::vector<LedgerEntry>> read_ledger(sql::Session& session, const PartnerId& partner,
                                             std::uint64_t after, std::size_t limit);

struct LedgerState {
  std::uint64_t rows = 0;
  Sha256 head;
};
/// Recomputes the whole chain. Errors: kCorrupt naming the row.
Result<LedgerState> verify_ledger(sql::Session& session, const PartnerId& partner);

}  // namespace obhut::cluster
