#include "service/cluster/reconciler.h"

#include <unordered_map>

#include "service/cluster/kept_heads.h"
#include "service/cluster/ledger_store.h"
#include "service/cluster/levels.h"
#include "service/cluster/settings.h"
#include "service/cluster/vaults.h"

namespace obhut::cluster {
namespace {

constexpr std::string_view kLastRun = "reconciler.last_run";
constexpr std::string_view kAlert = "level-corrected";
constexpr std::string_view kHexDigits = "0123456789abcdef";

/// What the store has below one prefix, by key.
using Found = std::unordered_map<std::string, std::uint64_t>;

/// Whether the catalogue has the key now, in whatever state: an upload may have come meanwhile.
Result<bool> is_known(sql::Session& session, const std::string& key) {
  for (const std::string_view table : {"objects", "heads", "uploads", "doomed"}) {
    ASSIGN_OR_RETURN(const sql::Rows rows,
                     session.query("SELECT store_key FROM " + std::string(table) +
                                       " WHERE store_key = :key LIMIT 1",
                                   {{"key", key}}));
    if (!rows.empty()) return true;
  }
  return false;
}

}  // namespace

struct Reconciler::Known {
  bool head = false;
  VaultId vault;
  std::string key;
  std::uint64_t size = 0;
  bool needed = false;
};

Answer<ReconcileReport> Reconciler::run(const std::stop_token& stop) {
  Round round;
  const auto cut_off = [&]() -> Answer<void> {
    if (!stop.stop_requested()) return {};
    return std::unexpected(Refusal(Error{ErrorKind::kCancelled, "reconciliation was cut off"}));
  };
  for (const model::ObjectKind kind : model::kAllObjectKinds) {
    // In 256 parts: a store of many millions of objects is not held in memory at once.
    for (const char first : kHexDigits) {
      for (const char second : kHexDigits) {
        TRY(cut_off());
        TRY(look_below(std::string(model::folder_of(kind)) + "/" + first + second, round));
      }
    }
  }
  const auto vaults = database_.read([](sql::Session& session) {
    return session.query(
        "SELECT vaults.id FROM vaults JOIN customers ON customers.id = vaults.customer"
        " WHERE customers.deleted IS NULL AND vaults.location = 'provider'"
        " AND vaults.head_sequence > 0 ORDER BY vaults.id");
  });
  if (!vaults) return std::unexpected(Refusal(vaults.error()));
  for (const sql::Row& row : *vaults) {
    TRY(cut_off());
    TRY(count_vault(row.id<VaultId>(0), round));
  }
  if (round.report.unknown > 0) {
    log_.warn("the store has objects that nobody here knows",
              field("objects", round.report.unknown), field("bytes", round.report.unknown_bytes));
  }
  return std::move(round.report);
}

Answer<void> Reconciler::look_below(const std::string& prefix, Round& round) {
  // The catalogue first: what it has, the store had before.
  const auto rows = database_.read([&](sql::Session& session) -> Answer<std::vector<Known>> {
    std::vector<Known> known;
    const sql::Params range{{"from", prefix}, {"to", prefix + "g"}};  // after the last hex digit
    ASSIGN_OR_RETURN(const sql::Rows objects,
                     session.query("SELECT vault, store_key, size, needed FROM objects"
                                   " WHERE store_key >= :from AND store_key < :to"
                                   " AND state <> 'deleted' AND damaged IS NULL",
                                   range));
    for (const sql::Row& row : objects) {
      known.push_back({false, row.id<VaultId>(0), row.text(1), row.count(2), row.integer(3) != 0});
    }
    ASSIGN_OR_RETURN(const sql::Rows heads,
                     session.query("SELECT vault, store_key, size FROM heads"
                                   " WHERE store_key >= :from AND store_key < :to"
                                   " AND state <> 'gone' AND damaged IS NULL",
                                   range));
    for (const sql::Row& row : heads) {
      known.push_back({true, row.id<VaultId>(0), row.text(1), row.count(2), true});
    }
    return known;
  });
  if (!rows) return std::unexpected(rows.error());
  Found found;
  TRY(store_.list(prefix, [&](const objects::StoredObject& object) {
    found[object.key] = object.size;
    return true;
  }));
  for (const Known& known : *rows) {
    round.report.objects += known.needed ? 1 : 0;
    const auto at = found.find(known.key);
    const bool there = at != found.end() && at->second == known.size;
    if (at != found.end()) found.erase(at);
    if (!there) TRY(judge_missing(known, round));
  }
  for (const auto& [key, size] : found) {
    const auto known =
        database_.read([&](sql::Session& session) { return is_known(session, key); });
    if (!known) return std::unexpected(Refusal(known.error()));
    if (*known) continue;
    ++round.report.unknown;
    round.report.unknown_bytes += size;
  }
  return {};
}

/// Looks once more before it believes it: retention may have removed the object meanwhile.
Answer<void> Reconciler::judge_missing(const Known& known, Round& round) {
  ASSIGN_OR_RETURN(const std::optional<std::uint64_t> size, store_.size_of(known.key));
  if (size == known.size) return {};
  const Instant now = clock_.now();
  const auto missing = database_.write([&](sql::Session& session) -> Answer<bool> {
    ASSIGN_OR_RETURN(
        const std::uint64_t marked,
        session.exec(known.head ? "UPDATE heads SET damaged = :now WHERE store_key = :key"
                                  " AND state <> 'gone' AND damaged IS NULL"
                                : "UPDATE objects SET damaged = :now WHERE store_key = :key"
                                  " AND state <> 'deleted' AND damaged IS NULL",
                     {{"now", now}, {"key", known.key}}));
    if (marked == 0) return false;
    log_.error("stored object is missing", field("key", known.key), field("bytes", known.size));
    ASSIGN_OR_RETURN(const Vault vault, find_vault(session, known.vault));
    TRY(raise_alert(session, vault.device, "object-missing", "critical", now));
    return true;
  });
  if (!missing) return std::unexpected(missing.error());
  if (!*missing || !known.needed) return {};
  ++round.report.missing;
  round.lost.insert(known.vault);
  return {};
}

Answer<void> Reconciler::count_vault(const VaultId& id, Round& round) {
  const Instant now = clock_.now();
  const auto corrected = database_.write([&](sql::Session& session)
                                             -> Answer<std::optional<CorrectedLevel>> {
    ASSIGN_OR_RETURN(const Vault vault, find_vault(session, id));
    ASSIGN_OR_RETURN(const std::uint64_t held, compute_level(session, id));
    ASSIGN_OR_RETURN(const std::optional<std::uint64_t> said, newest_level(session, vault));
    const std::uint64_t before = said.value_or(vault.level);
    if (held == vault.level && held == before) return std::optional<CorrectedLevel>{};
    CorrectedLevel done{id, before, held, round.lost.contains(id) ? "object-missing" : "recounted"};
    const std::string event = event_id_at(done.reason, id, now);
    if (held == vault.level) {
      ASSIGN_OR_RETURN(const Customer customer, find_customer(session, vault.customer));
      TRY(record_level(session, customer, vault, held, {event, done.reason}, now));
    } else {
      TRY(set_level(session, vault, held, {event, done.reason}, now));
    }
    TRY(raise_alert(session, vault.device, kAlert, "warning", now));
    return std::optional(std::move(done));
  });
  if (!corrected) return std::unexpected(corrected.error());
  ++round.report.vaults;
  if (!*corrected) return {};
  log_.error("a vault's level was corrected", field("vault", id),
             field("from", (*corrected)->from_bytes), field("to", (*corrected)->to_bytes),
             field("reason", (*corrected)->reason));
  round.report.corrected.push_back(**corrected);
  return {};
}

Answer<std::optional<ReconcileReport>> Reconciler::run_if_due(const std::stop_token& stop) {
  const Instant now = clock_.now();
  const Answer<bool> due = database_.write([&](sql::Session& session) -> Answer<bool> {
    ASSIGN_OR_RETURN(const std::optional<sql::Row> last, setting(session, kLastRun));
    if (last && now - last->instant(0) < kEvery && last->instant(0) <= now) return false;
    TRY(keep_setting(session, kLastRun, now.time_since_epoch().count()));
    return true;
  });
  if (!due) return std::unexpected(due.error());
  if (!*due) return std::optional<ReconcileReport>{};
  ASSIGN_OR_RETURN(ReconcileReport report, run(stop));
  return std::optional(std::move(report));
}

}  // namespace obhut::cluster
