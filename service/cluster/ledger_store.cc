#include "service/cluster/ledger_store.h"

#include "service/billing/ledger.h"

namespace obhut::cluster {
namespace {

constexpr std::size_t kPage = 1000;

Result<billing::LedgerHead> head_of(sql::Session& session, const PartnerId& partner) {
  ASSIGN_OR_RETURN(const std::optional<sql::Row> last,
                   session.query_one("SELECT number, hash FROM ledger WHERE partner = :partner"
                                     " ORDER BY number DESC LIMIT 1",
                                     {{"partner", partner}}));
  if (!last) return billing::genesis(partner);
  return billing::LedgerHead{last->count(0), last->id<Sha256>(1)};
}

}  // namespace

Result<void> append_event(sql::Session& session, const PartnerId& partner, std::string event_json,
                          Instant received_at) {
  ASSIGN_OR_RETURN(const billing::LedgerHead head, head_of(session, partner));
  ASSIGN_OR_RETURN(const billing::LedgerRow row,
                   billing::next_row(partner, head, std::move(event_json), received_at));
  ASSIGN_OR_RETURN(const std::optional<sql::Row> known,
                   session.query_one("SELECT event FROM ledger WHERE partner = :partner"
                                     " AND event_id = :event_id",
                                     {{"partner", partner}, {"event_id", row.event_id}}));
  if (known) {
    if (billing::same_event(known->text(0), row.event_json)) return {};
    return fail(ErrorKind::kConflict, "ledger: event " + row.event_id + " stands there otherwise");
  }
  TRY(
      session.exec("INSERT INTO ledger (partner, number, event_id, previous, hash, event, received)"
                   " VALUES (:partner, :number, :event_id, :previous, :hash, :event, :received)",
                   {{"partner", partner},
                    {"number", row.sequence},
                    {"event_id", row.event_id},
                    {"previous", row.previous},
                    {"hash", billing::row_hash(row)},
                    {"event", row.event_json},
                    {"received", row.received_at}}));
  return {};
}

Result<std::vector<LedgerEntry>> read_ledger(sql::Session& session, const PartnerId& partner,
                                             std::uint64_t after, std::size_t limit) {
  ASSIGN_OR_RETURN(const sql::Rows rows,
                   session.query("SELECT number, event, hash, received FROM ledger"
                                 " WHERE partner = :partner AND number > :after"
                                 " ORDER BY number LIMIT :limit",
                                 {{"partner", partner}, {"after", after}, {"limit", limit}}));
  std::vector<LedgerEntry> entries;
  for (const sql::Row& row : rows) {
    entries.push_back({row.count(0), row.text(1), row.id<Sha256>(2), row.instant(3)});
  }
  return entries;
}

Result<LedgerState> verify_ledger(sql::Session& session, const PartnerId& partner) {
  billing::ChainVerifier verifier(partner);
  while (true) {
    ASSIGN_OR_RETURN(
        const sql::Rows rows,
        session.query(
            "SELECT number, event_id, previous, hash, event, received FROM ledger"
            " WHERE partner = :partner AND number > :after ORDER BY number LIMIT :limit",
            {{"partner", partner}, {"after", verifier.head().sequence}, {"limit", kPage}}));
    for (const sql::Row& row : rows) {
      TRY(verifier.next(
          {partner, row.count(0), row.instant(5), row.text(1), row.text(4), row.id<Sha256>(2)},
          row.id<Sha256>(3)));
    }
    if (rows.size() < kPage) break;
  }
  return LedgerState{verifier.head().sequence, verifier.head().hash};
}

}  // namespace obhut::cluster
