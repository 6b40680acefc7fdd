#include "service/cluster/ledger_store.h"

namespace obhut::cluster {
namespace {

constexpr std::size_t kPage = 1000;
/// So that nobody waits long for the writer's turn.
constexpr std::size_t kChainedAtOnce = 2000;

Result<billing::LedgerHead> head_of(sql::Session& session, const PartnerId& partner) {
  ASSIGN_OR_RETURN(const std::optional<sql::Row> last,
                   session.query_one("SELECT number, hash FROM ledger WHERE partner = :partner"
                                     " AND number IS NOT NULL ORDER BY number DESC LIMIT 1",
                                     {{"partner", partner}}));
  if (!last) return billing::genesis(partner);
  return billing::LedgerHead{last->count(0), last->id<Sha256>(1)};
}

struct Chained {
  billing::LedgerHead head;
  std::size_t rows = 0;
};

/// Sequencers take turns and watch nothing: whoever writes an event that is there already reads its
/// row while it is being chained, and of the two PostgreSQL would send one back, for as long as
/// such events come.
std::string turn_of(const PartnerId& partner) {
  return "chain " + partner.text();
}

/// At most `limit` rows.
Result<Chained> chain_some(sql::Session& session, const PartnerId& partner, std::size_t limit) {
  ASSIGN_OR_RETURN(billing::LedgerHead head, head_of(session, partner));
  // Of rows that were committed since, those received first; of one transaction's, by id.
  ASSIGN_OR_RETURN(const sql::Rows rows,
                   session.query("SELECT event_id, event, received FROM ledger"
                                 " WHERE partner = :partner AND number IS NULL"
                                 " ORDER BY received, event_id LIMIT :limit",
                                 {{"partner", partner}, {"limit", limit}}));
  std::vector<sql::Params> updates;
  updates.reserve(rows.size());
  for (const sql::Row& row : rows) {
    const billing::LedgerRow next{partner,     head.sequence + 1, row.instant(2),
                                  row.text(0), row.text(1),       head.hash};
    const Sha256 hash = billing::row_hash(next);
    updates.push_back({{"number", next.sequence},
                       {"previous", next.previous},
                       {"hash", hash},
                       {"partner", partner},
                       {"event_id", next.event_id}});
    head = {next.sequence, hash};
  }
  TRY(
      session.exec_each("UPDATE ledger SET number = :number, previous = :previous, hash = :hash"
                        " WHERE partner = :partner AND event_id = :event_id",
                        updates));
  return Chained{head, rows.size()};
}

}  // namespace

Result<void> append_event(sql::Session& session, const PartnerId& partner, std::string event_json,
                          Instant received_at) {
  ASSIGN_OR_RETURN(const std::string id, billing::event_id_of(event_json));
  ASSIGN_OR_RETURN(const std::uint64_t added,
                   session.exec("INSERT INTO ledger (partner, event_id, event, received)"
                                " VALUES (:partner, :event_id, :event, :received)"
                                " ON CONFLICT (partner, event_id) DO NOTHING",
                                {{"partner", partner},
                                 {"event_id", id},
                                 {"event", event_json},
                                 {"received", received_at}}));
  if (added > 0) return {};
  ASSIGN_OR_RETURN(const std::optional<sql::Row> known,
                   session.query_one("SELECT event FROM ledger WHERE partner = :partner"
                                     " AND event_id = :event_id",
                                     {{"partner", partner}, {"event_id", id}}));
  if (known && billing::same_event(known->text(0), event_json)) return {};
  // Another instance has written it just now: looked at again, it is there to be found.
  return fail(ErrorKind::kConflict, "ledger: event " + id + " stands there otherwise");
}

Result<billing::LedgerHead> chain_rows(sql::Database& database, const PartnerId& partner) {
  return database.write_in_turn(
      turn_of(partner), [&](sql::Session& session) -> Result<billing::LedgerHead> {
        while (true) {
          ASSIGN_OR_RETURN(const Chained done, chain_some(session, partner, kChainedAtOnce));
          if (done.rows < kChainedAtOnce) return done.head;
        }
      });
}

Result<std::uint64_t> chain_all(sql::Database& database, const std::stop_token& stop) {
  std::uint64_t chained = 0;
  while (!stop.stop_requested()) {
    const auto waiting = database.read([](sql::Session& session) {
      return session.query_one("SELECT partner FROM ledger WHERE number IS NULL LIMIT 1");
    });
    if (!waiting) return std::unexpected(waiting.error());
    if (!*waiting) break;
    const PartnerId partner = (*waiting)->id<PartnerId>(0);
    const Result<Chained> done = database.write_in_turn(
        turn_of(partner),
        [&](sql::Session& session) { return chain_some(session, partner, kChainedAtOnce); });
    if (!done) return std::unexpected(done.error());
    chained += done->rows;
  }
  return chained;
}

Result<std::vector<LedgerEntry>> read_ledger(sql::Session& session, const PartnerId& partner,
                                             std::uint64_t after, std::size_t limit) {
  ASSIGN_OR_RETURN(const sql::Rows rows,
                   session.query("SELECT number, event, previous, hash, received FROM ledger"
                                 " WHERE partner = :partner AND number > :after"
                                 " ORDER BY number LIMIT :limit",
                                 {{"partner", partner}, {"after", after}, {"limit", limit}}));
  std::vector<LedgerEntry> entries;
  entries.reserve(rows.size());
  for (const sql::Row& row : rows) {
    entries.push_back(
        {row.count(0), row.text(1), row.id<Sha256>(2), row.id<Sha256>(3), row.instant(4)});
  }
  return entries;
}

Result<billing::LedgerHead> verify_chain(
    sql::Session& session, const PartnerId& partner,
    const std::function<void(const billing::LedgerHead&)>& at_row) {
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
      if (at_row) at_row(verifier.head());
    }
    if (rows.size() < kPage) break;
  }
  return verifier.head();
}

}  // namespace obhut::cluster
