#include "service/cluster/retention.h"

#include <algorithm>

#include "service/billing/event_text.h"
#include "service/cluster/devices.h"
#include "service/cluster/kept_heads.h"
#include "service/cluster/ledger_store.h"
#include "service/cluster/levels.h"
#include "service/cluster/plans.h"
#include "service/cluster/retention_rules.h"
#include "service/cluster/settings.h"
#include "service/cluster/tenants.h"
#include "service/cluster/vaults.h"

namespace obhut::cluster {
namespace {

constexpr std::size_t kBatch = 500;
/// An upload may still be running when its ticket expires; none takes this long.
constexpr std::chrono::hours kUploadGrace{24};
constexpr std::string_view kLastRun = "retention.last_run";
/// How far the clocks of two instances on one database may lie apart.
constexpr std::chrono::minutes kSkew{5};

/// Phase one for what no kept head refers to any more. Out: objects condemned.
Result<std::uint64_t> condemn_unneeded(sql::Session& session, const VaultId& vault, Instant now) {
  ASSIGN_OR_RETURN(const std::uint64_t condemned,
                   session.exec("UPDATE objects SET needed = 0, state = 'condemned',"
                                " condemned = :now WHERE vault = :vault AND needed = 1 AND NOT " +
                                    std::string(kKeptHeadRefers),
                                {{"now", now}, {"vault", vault}}));
  TRY(
      session.exec("DELETE FROM needs WHERE vault = :vault AND until IS NOT NULL AND NOT EXISTS"
                   " (SELECT 1 FROM heads WHERE heads.vault = needs.vault"
                   " AND heads.state = 'kept' AND heads.sequence >= needs.first_head"
                   " AND heads.sequence < needs.until)",
                   {{"vault", vault}}));
  return condemned;
}

/// Dropped heads that no kept one is resolved through, after their time of grace.
Result<void> forget_heads(sql::Session& session, const VaultId& vault,
                          const std::set<std::uint64_t>& needed, Instant oldest, Instant now) {
  ASSIGN_OR_RETURN(const sql::Rows rows,
                   session.query("SELECT sequence, store_key FROM heads WHERE vault = :vault"
                                 " AND state = 'dropped' AND dropped < :oldest",
                                 {{"vault", vault}, {"oldest", oldest}}));
  for (const sql::Row& row : rows) {
    if (needed.contains(row.count(0))) continue;
    TRY(doom(session, row.text(1), now));
    TRY(
        session.exec("UPDATE heads SET state = 'gone' WHERE vault = :vault"
                     " AND sequence = :sequence",
                     {{"vault", vault}, {"sequence", row.count(0)}}));
  }
  return {};
}

struct Dropped {
  std::uint64_t points = 0;
  std::uint64_t condemned = 0;
};

/// Drops `sequences`, condemns what only they needed, and writes the new level to the ledger.
Answer<Dropped> drop(sql::Session& session, const Vault& vault,
                     const std::vector<std::uint64_t>& sequences, std::string_view event_id,
                     Instant now) {
  Dropped done;
  for (const std::uint64_t sequence : sequences) {
    ASSIGN_OR_RETURN(const std::uint64_t touched,
                     session.exec("UPDATE heads SET state = 'dropped', dropped = :now"
                                  " WHERE vault = :vault AND sequence = :sequence"
                                  " AND state = 'kept'",
                                  {{"now", now}, {"vault", vault.id}, {"sequence", sequence}}));
    done.points += touched;
  }
  ASSIGN_OR_RETURN(done.condemned, condemn_unneeded(session, vault.id, now));
  ASSIGN_OR_RETURN(const std::uint64_t level, counted_level(session, vault.id));
  TRY(set_level(session, vault, level, {event_id}, now));
  return done;
}

Answer<void> add(std::uint64_t& sum, std::uint64_t more) {
  sum += more;
  return {};
}

}  // namespace

Result<void> doom(sql::Session& session, std::string_view key, Instant due) {
  TRY(
      session.exec("INSERT INTO doomed (store_key, due) VALUES (:key, :due)"
                   " ON CONFLICT (store_key) DO NOTHING",
                   {{"key", key}, {"due", due}}));
  return {};
}

Answer<RetentionReport> Retention::run() {
  const Instant now = clock_.now();
  const Answer<void> clock_good = database_.write([&](sql::Session& session) -> Answer<void> {
    ASSIGN_OR_RETURN(const std::optional<sql::Row> last, setting(session, kLastRun));
    Instant newest = now;
    if (last) {
      const Instant before = last->instant(0);
      newest = std::max(now, before);
      if (now + kSkew < before || now - before > policy_.longest_pause) {
        return refuse(409, "clock-jumped",
                      "the clock jumped since the last run: check it, then run"
                      " `obhut-cluster retention run --accept-clock`");
      }
    }
    TRY(keep_setting(session, kLastRun, newest.time_since_epoch().count()));
    return {};
  });
  if (!clock_good) return std::unexpected(clock_good.error());
  const auto vaults = database_.read([](sql::Session& session) {
    return session.query(
        "SELECT vaults.id FROM vaults JOIN customers"
        " ON customers.id = vaults.customer WHERE customers.deleted IS NULL"
        " AND vaults.head_sequence > 0 ORDER BY vaults.id");
  });
  if (!vaults) return std::unexpected(Refusal(vaults.error()));
  RetentionReport report;
  for (const sql::Row& row : *vaults) {
    // One vault's trouble must not keep the others' rubbish.
    const Answer<void> done = drop_points(row.id<VaultId>(0), report);
    if (!done) {
      log_.error("retention of a vault failed", field("vault", row.id<VaultId>(0)),
                 field("error", done.error().detail));
    }
  }
  TRY(condemn_uncommitted(report));
  TRY(delete_condemned(report));
  TRY(remove_doomed(report));
  return report;
}

Answer<void> Retention::accept_clock() {
  return database_.write([&](sql::Session& session) -> Answer<void> {
    TRY(session.exec("DELETE FROM settings WHERE name = :name", {{"name", kLastRun}}));
    return {};
  });
}

Answer<void> Retention::drop_points(const VaultId& vault_id, RetentionReport& report) {
  const Instant now = clock_.now();
  const auto done = database_.write([&](sql::Session& session) -> Answer<std::optional<Dropped>> {
    ASSIGN_OR_RETURN(const Vault vault, find_vault(session, vault_id));
    if (vault.hold) return std::optional<Dropped>{};
    ASSIGN_OR_RETURN(const auto rules, retention_of(session, vault.device, vault.customer, now));
    ASSIGN_OR_RETURN(const std::vector<HeadRow> heads, heads_of(session, vault_id));
    std::vector<RetainedPoint> points;
    for (const HeadRow& head : heads) {
      if (head.kept) points.push_back(head.point);
    }
    std::vector<std::uint64_t> dropped;
    if (rules) {
      const std::set<std::uint64_t> keep = points_to_keep(points, *rules, now);
      for (const RetainedPoint& point : points) {
        if (!keep.contains(point.sequence)) dropped.push_back(point.sequence);
      }
    }
    Dropped result;
    if (!dropped.empty()) {
      const std::string event = event_id_at("retention", vault_id, now);
      ASSIGN_OR_RETURN(result, drop(session, vault, dropped, event, now));
    }
    ASSIGN_OR_RETURN(const std::vector<HeadRow> left, heads_of(session, vault_id));
    TRY(forget_heads(session, vault_id, needed_heads(left), now - policy_.grace, now));
    return std::optional(result);
  });
  if (!done) return std::unexpected(done.error());
  ++report.vaults;
  if (!*done) return add(report.held, 1);
  report.points_dropped += (*done)->points;
  report.objects_condemned += (*done)->condemned;
  return {};
}

/// Packs that were uploaded and never committed. Key slots need no commit and stay.
Answer<void> Retention::condemn_uncommitted(RetentionReport& report) {
  const Instant now = clock_.now();
  return database_.write([&](sql::Session& session) -> Answer<void> {
    ASSIGN_OR_RETURN(const std::uint64_t condemned,
                     session.exec("UPDATE objects SET state = 'condemned', condemned = :now"
                                  " WHERE state = 'stored' AND needed = 0 AND kind <> 'key'"
                                  " AND stored < :oldest AND NOT " +
                                      std::string(kKeptHeadRefers),
                                  {{"now", now}, {"oldest", now - policy_.uncommitted}}));
    report.objects_condemned += condemned;
    TRY(
        session.exec("INSERT INTO doomed (store_key, due) SELECT store_key, expires FROM uploads"
                     " WHERE expires < :old ON CONFLICT (store_key) DO NOTHING",
                     {{"old", now - kUploadGrace}}));
    TRY(session.exec("DELETE FROM uploads WHERE expires < :old", {{"old", now - kUploadGrace}}));
    return {};
  });
}

/// Phase two. The transaction asks once more: a commit may have revived the object meanwhile.
Answer<void> Retention::delete_condemned(RetentionReport& report) {
  const Instant now = clock_.now();
  while (true) {
    const auto deleted = database_.write([&](sql::Session& session) -> Answer<std::uint64_t> {
      ASSIGN_OR_RETURN(const sql::Rows rows,
                       session.query("SELECT vault, kind, hash, store_key FROM objects"
                                     " WHERE state = 'condemned' AND needed = 0"
                                     " AND condemned <= :oldest LIMIT :limit",
                                     {{"oldest", now - policy_.grace}, {"limit", kBatch}}));
      for (const sql::Row& row : rows) {
        TRY(doom(session, row.text(3), now));
        TRY(
            session.exec("UPDATE objects SET state = 'deleted' WHERE vault = :vault"
                         " AND kind = :kind AND hash = :hash",
                         {{"vault", row.text(0)}, {"kind", row.text(1)}, {"hash", row.text(2)}}));
      }
      return rows.size();
    });
    if (!deleted) return std::unexpected(deleted.error());
    report.objects_deleted += *deleted;
    if (*deleted < kBatch) return {};
  }
}

/// The row goes after the bytes: cut off in between, the removal is repeated.
Answer<void> Retention::remove_doomed(RetentionReport& report) {
  const Instant now = clock_.now();
  while (true) {
    const auto rows = database_.read([&](sql::Session& session) {
      return session.query("SELECT store_key FROM doomed WHERE due <= :now LIMIT :limit",
                           {{"now", now}, {"limit", kBatch}});
    });
    if (!rows) return std::unexpected(Refusal(rows.error()));
    std::vector<sql::Params> removed;
    for (const sql::Row& row : *rows) {
      TRY(store_.remove(row.text(0)));
      removed.push_back({{"key", row.text(0)}});
    }
    TRY(database_.write([&](sql::Session& session) {
      return session.exec_each("DELETE FROM doomed WHERE store_key = :key", removed);
    }));
    report.keys_removed += removed.size();
    if (rows->size() < kBatch) return {};
  }
}

Answer<void> Retention::delete_point(const VaultId& vault_id, const Sha256& head) {
  const Instant now = clock_.now();
  return database_.write([&](sql::Session& session) -> Answer<void> {
    ASSIGN_OR_RETURN(const Vault vault, find_vault(session, vault_id));
    ASSIGN_OR_RETURN(const std::optional<sql::Row> row,
                     session.query_one("SELECT sequence, received, locked_until FROM heads"
                                       " WHERE vault = :vault AND hash = :hash AND state = 'kept'",
                                       {{"vault", vault_id}, {"hash", head}}));
    if (!row) return not_found("recovery point");
    ASSIGN_OR_RETURN(const Device device, find_device(session, vault.device));
    ASSIGN_OR_RETURN(const auto rules, retention_of(session, vault.device, vault.customer, now));
    const Instant locked_until = std::max(
        row->instant(2), row->instant(1) + std::chrono::days(rules ? rules->lock_days : 0));
    if (now < locked_until) return refuse(409, "locked", "the recovery point is under lock");
    if (row->count(0) == vault.head_sequence && !device.removed) {
      return refuse(409, "newest-point",
                    "the next recovery point builds on the newest; remove the device first");
    }
    TRY(drop(session, vault, {row->count(0)}, "point-deleted-" + head.text(), now));
    return {};
  });
}

Answer<void> Retention::release_hold(const VaultId& vault) {
  return database_.write([&](sql::Session& session) -> Answer<void> {
    ASSIGN_OR_RETURN(const Vault held, find_vault(session, vault));
    if (!held.hold) return {};
    TRY(session.exec("UPDATE vaults SET hold = NULL, hold_reason = '' WHERE id = :id",
                     {{"id", vault}}));
    TRY(clear_alert(session, held.device, "retention-held-" + held.hold_reason, clock_.now()));
    return {};
  });
}

namespace {

/// Everything of the customer's vaults is deleted at once for the API and the bill; the bytes go
/// when grace and the longest lock are over.
Result<void> delete_vaults(sql::Session& session, const CustomerId& customer, Instant not_before) {
  ASSIGN_OR_RETURN(
      const sql::Rows vaults,
      session.query("SELECT id FROM vaults WHERE customer = :customer", {{"customer", customer}}));
  for (const sql::Row& row : vaults) {
    const VaultId vault = row.id<VaultId>(0);
    ASSIGN_OR_RETURN(const std::optional<sql::Row> lock,
                     session.query_one("SELECT COALESCE(MAX(locked_until), 0) FROM heads"
                                       " WHERE vault = :vault AND state = 'kept'",
                                       {{"vault", vault}}));
    const sql::Params when{{"vault", vault}, {"due", std::max(not_before, lock->instant(0))}};
    TRY(
        session.exec("INSERT INTO doomed (store_key, due) SELECT store_key, :due FROM objects"
                     " WHERE vault = :vault AND state <> 'deleted'"
                     " ON CONFLICT (store_key) DO NOTHING",
                     when));
    TRY(
        session.exec("INSERT INTO doomed (store_key, due) SELECT store_key, :due FROM heads"
                     " WHERE vault = :vault AND state <> 'gone'"
                     " ON CONFLICT (store_key) DO NOTHING",
                     when));
    const sql::Params here{{"vault", vault}};
    TRY(session.exec("UPDATE objects SET state = 'deleted', needed = 0 WHERE vault = :vault",
                     here));
    TRY(session.exec("UPDATE heads SET state = 'gone' WHERE vault = :vault", here));
    TRY(session.exec("DELETE FROM needs WHERE vault = :vault", here));
    TRY(session.exec("UPDATE vaults SET level = 0, hold = NULL WHERE id = :vault", here));
  }
  return {};
}

}  // namespace

Answer<void> Retention::delete_customer(const CustomerId& id) {
  const Instant now = clock_.now();
  return database_.write([&](sql::Session& session) -> Answer<void> {
    ASSIGN_OR_RETURN(const Customer customer, find_customer(session, id));
    if (customer.deleted) return not_found("customer");
    const sql::Params here{{"customer", id}};
    const sql::Params now_here{{"now", now}, {"customer", id}};
    TRY(delete_vaults(session, id, now + policy_.grace));
    TRY(session.exec("UPDATE customers SET deleted = :now, name = '' WHERE id = :customer",
                     now_here));
    TRY(
        session.exec("UPDATE workloads SET removed = COALESCE(removed, :now)"
                     " WHERE customer = :customer",
                     now_here));
    TRY(
        session.exec("UPDATE devices SET removed = COALESCE(removed, :now)"
                     " WHERE customer = :customer",
                     now_here));
    TRY(
        session.exec("UPDATE tokens SET revoked = COALESCE(revoked, :now)"
                     " WHERE customer = :customer",
                     now_here));
    for (const char* table : {"activities", "alerts", "grants", "grant_guesses"}) {
      TRY(session.exec(std::string("DELETE FROM ") + table +
                           " WHERE device IN (SELECT id FROM devices WHERE customer = :customer)",
                       here));
    }
    TRY(session.exec("DELETE FROM plan_gates WHERE customer = :customer", here));
    TRY(append_event(
        session, customer.partner,
        billing::customer_deleted({"customer-deleted-" + id.text(), now, customer.number}), now));
    return {};
  });
}

}  // namespace obhut::cluster
