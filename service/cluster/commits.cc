#include "service/cluster/commits.h"

#include <map>

#include "agent/crypto/digest.h"
#include "agent/trust/receipt.h"
#include "service/cluster/clones.h"
#include "service/cluster/levels.h"
#include "service/cluster/plans.h"
#include "service/cluster/tenants.h"

namespace obhut::cluster {
namespace {

constexpr std::chrono::days kDefaultLock{14};
constexpr std::chrono::minutes kHeadPatience{60};
/// About 45 KB: agents read problem documents of up to 64 KiB. The rest is named by the next try.
constexpr std::size_t kNamedAtMost = 400;

/// What a head changes in the set of objects that the newest point needs.
struct Change {
  std::vector<model::Reference> added;
  std::vector<model::ObjectName> removed;
};

Refusal conflict(std::string code, std::string detail, const Vault& vault) {
  Refusal refusal(409, std::move(code), std::move(detail));
  refusal.members = "\"head\":\"" + (vault.head_sequence == 0 ? "" : vault.head.text()) +
                    "\",\"sequence\":" + std::to_string(vault.head_sequence);
  return refusal;
}

Result<model::ReferenceSet> open_references(sql::Session& session, const VaultId& vault) {
  ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.query("SELECT needs.kind, needs.hash, objects.size FROM needs"
                    " JOIN objects ON objects.vault = needs.vault AND objects.kind = needs.kind"
                    " AND objects.hash = needs.hash"
                    " WHERE needs.vault = :vault AND needs.until IS NULL",
                    {{"vault", vault}}));
  model::ReferenceSet open;
  for (const sql::Row& row : rows) {
    const auto kind = parse_object_kind(row.text(0)).value_or(model::ObjectKind::kPack);
    open.emplace(model::ObjectName{kind, row.id<Sha256>(1)}, row.count(2));
  }
  return open;
}

/// Errors: 422 for a delta that does not fit, and for sizes that are not those stored.
Answer<Change> change_of(const model::Head& head, const model::ReferenceSet& open) {
  model::ReferenceSet wanted = open;
  if (auto applied = model::apply_head(head, wanted); !applied) {
    return refuse(422, "malformed-head", applied.error().message);
  }
  Change change;
  for (const auto& [name, size] : wanted) {
    const auto was = open.find(name);
    if (was == open.end()) {
      change.added.push_back({name, size});
    } else if (was->second != size) {
      return refuse(422, "wrong-size",
                    name.text() + " has " + std::to_string(was->second) + " bytes");
    }
  }
  for (const auto& [name, size] : open) {
    if (!wanted.contains(name)) change.removed.push_back(name);
  }
  return change;
}

sql::Params name_params(const VaultId& vault, const model::ObjectName& name) {
  return {{"vault", vault}, {"kind", model::to_string(name.kind)}, {"hash", name.hash}};
}

/// Bytes of the objects added that no kept point needed so far.
/// Errors: 409 unknown-pack where one is not stored here, in this vault, with this size.
Answer<std::uint64_t> check_added(sql::Session& session, const VaultId& vault,
                                  const std::vector<model::Reference>& added) {
  std::uint64_t fresh = 0;
  std::string names;
  std::size_t unknown = 0;
  for (const model::Reference& reference : added) {
    ASSIGN_OR_RETURN(const std::optional<sql::Row> row,
                     session.query_one("SELECT state, size, needed, damaged FROM objects"
                                       " WHERE vault = :vault AND kind = :kind AND hash = :hash",
                                       name_params(vault, reference.name)));
    const bool good = row && row->text(0) != "deleted" && row->is_null(3);
    if (!good) {
      if (++unknown <= kNamedAtMost) {
        names += (names.empty() ? "" : ",") + std::string("{\"kind\":\"") +
                 std::string(model::to_string(reference.name.kind)) + "\",\"sha256\":\"" +
                 reference.name.hash.text() + "\"}";
      }
      continue;
    }
    if (row->count(1) != reference.size) {
      return refuse(422, "wrong-size",
                    reference.name.text() + " has " + std::to_string(row->count(1)) + " bytes");
    }
    if (row->integer(2) == 0) fresh += reference.size;
  }
  if (unknown > 0) {
    Refusal refusal(409, "unknown-pack",
                    std::to_string(unknown) + " objects are not stored here; upload them again");
    refusal.members = "\"objects\":[" + names + "]";
    return std::unexpected(std::move(refusal));
  }
  return fresh;
}

/// Revives what was condemned, in the transaction of the commit that names it.
Result<void> refer(sql::Session& session, const VaultId& vault, std::uint64_t sequence,
                   const Change& change) {
  std::vector<sql::Params> added;
  std::vector<sql::Params> intervals;
  for (const model::Reference& reference : change.added) {
    added.push_back(name_params(vault, reference.name));
    intervals.push_back(name_params(vault, reference.name));
    intervals.back().push_back({"sequence", sequence});
  }
  TRY(
      session.exec_each("UPDATE objects SET state = 'stored', condemned = NULL, needed = 1"
                        " WHERE vault = :vault AND kind = :kind AND hash = :hash",
                        added));
  TRY(
      session.exec_each("INSERT INTO needs (vault, kind, hash, first_head)"
                        " VALUES (:vault, :kind, :hash, :sequence)",
                        intervals));
  std::vector<sql::Params> ended;
  for (const model::ObjectName& name : change.removed) {
    ended.push_back(name_params(vault, name));
    ended.back().push_back({"sequence", sequence});
  }
  return session.exec_each(
      "UPDATE needs SET until = :sequence WHERE vault = :vault"
      " AND kind = :kind AND hash = :hash AND until IS NULL",
      ended);
}

std::uint64_t sum(const model::ReferenceSet& references) {
  std::uint64_t total = 0;
  for (const auto& [name, size] : references) total += size;
  return total;
}

std::string hold_reason(const HoldPolicy& policy, std::uint64_t before, std::uint64_t fresh,
                        std::uint64_t after) {
  if (before < policy.least_bytes) return "";
  if (after < before / 100 * policy.shrunk_percent) return "shrunk";
  if (fresh > before / 100 * policy.new_percent) return "mass-change";
  return "";
}

/// Two commits on one parent are two machines, unless one and the same process sent both: then its
/// machine was set back to a snapshot of its memory while it ran.
Answer<void> note_fork(sql::Session& session, const Device& device, const VaultId& vault,
                       const model::Head& head, Instant now) {
  TRY(raise_alert(session, device.id, kForkedVault, "critical", now));
  ASSIGN_OR_RETURN(
      const std::optional<sql::Row> sibling,
      session.query_one(
          "SELECT instance FROM heads WHERE vault = :vault"
          " AND sequence = :sequence AND previous = :previous",
          {{"vault", vault}, {"sequence", head.sequence}, {"previous", head.previous}}));
  const bool same =
      sibling && !device.asker.is_zero() && sibling->id<InstanceId>(0) == device.asker;
  if (same) return {};
  return count_clone(session, device, now);
}

Point point_of(const sql::Row& row) {
  return {row.count(0),   row.id<Sha256>(1), row.count(2), row.instant(3), row.instant(4),
          row.instant(5), row.text(6),       row.text(7),  row.count(8),   row.count(9)};
}

}  // namespace

Answer<std::optional<Committed>> Commits::known(sql::Session& session, const VaultId& vault,
                                                const Sha256& hash) {
  ASSIGN_OR_RETURN(const std::optional<sql::Row> row,
                   session.query_one("SELECT receipt FROM heads WHERE vault = :vault"
                                     " AND hash = :hash",
                                     {{"vault", vault}, {"hash", hash}}));
  if (!row) return std::optional<Committed>{};
  return std::optional(Committed{row->text(0), true});
}

Answer<Committed> Commits::commit(const Device& device, const VaultId& vault_id, ByteView bytes) {
  const Sha256 hash = crypto::sha256(bytes);
  const auto parsed = model::parse_head(bytes);
  if (!parsed) return refuse(422, "malformed-head", parsed.error().message);
  const model::Head& head = *parsed;
  if (head.vault != vault_id || head.device != device.id || head.signer != device.key) {
    return refuse(422, "foreign-head", "the head names another vault, device or key");
  }
  if (!model::verify_head(bytes, device.key)) {
    return refuse(422, "bad-signature", "the head's signature does not match");
  }
  const Instant now = clock_.now();
  const std::string key = objects::new_key(model::folder_of(model::ObjectKind::kHead), hash);
  // The key is noted before there is a file: whatever happens now, nothing is left unaccounted.
  const auto before =
      database_.write([&](sql::Session& session) -> Answer<std::optional<Committed>> {
        TRY(vault_of(session, vault_id, device));
        ASSIGN_OR_RETURN(std::optional<Committed> repeated, known(session, vault_id, hash));
        if (repeated) return repeated;
        TRY(
            session.exec("INSERT INTO uploads (store_key, vault, kind, hash, size, expires)"
                         " VALUES (:key, :vault, 'head', :hash, :size, :expires)",
                         {{"key", key},
                          {"vault", vault_id},
                          {"hash", hash},
                          {"size", bytes.size()},
                          {"expires", now + kHeadPatience}}));
        return std::optional<Committed>{};
      });
  if (!before) return std::unexpected(before.error());
  if (*before) return **before;
  TRY(objects::write_all(store_, key, bytes, hash));
  Answer<Committed> done = database_.write([&](sql::Session& session) -> Answer<Committed> {
    ASSIGN_OR_RETURN(const Vault vault, vault_of(session, vault_id, device));
    ASSIGN_OR_RETURN(std::optional<Committed> repeated, known(session, vault_id, hash));
    if (repeated) return *repeated;
    return record(session, device, vault, head, hash, bytes.size(), key, now);
  });
  if (!done && done.error().code == "forked") {
    // The alert stays though the commit does not.
    const Answer<void> noted = database_.write(
        [&](sql::Session& session) { return note_fork(session, device, vault_id, head, now); });
    if (!noted) log_.error("fork not noted", field("error", noted.error().detail));
  }
  if (!done || done->repeated) {
    // ignored: retention removes it as soon as its ticket has expired
    (void)store_.remove(key);
  }
  return done;
}

Answer<Committed> Commits::record(sql::Session& session, const Device& device, const Vault& vault,
                                  const model::Head& head, const Sha256& hash, std::uint64_t size,
                                  const std::string& key, Instant now) {
  if (head.sequence != vault.head_sequence + 1 || head.previous != vault.head) {
    ASSIGN_OR_RETURN(
        const std::optional<sql::Row> sibling,
        session.query_one(
            "SELECT hash FROM heads WHERE vault = :vault"
            " AND sequence = :sequence AND previous = :previous",
            {{"vault", vault.id}, {"sequence", head.sequence}, {"previous", head.previous}}));
    if (sibling) {
      return std::unexpected(conflict(
          "forked", "another head has this parent already: is this machine a clone?", vault));
    }
    return std::unexpected(
        conflict("stale-parent", "the newest head here is another one; adopt it first", vault));
  }
  ASSIGN_OR_RETURN(const model::ReferenceSet open, open_references(session, vault.id));
  ASSIGN_OR_RETURN(const Change change, change_of(head, open));
  ASSIGN_OR_RETURN(const std::uint64_t fresh, check_added(session, vault.id, change.added));
  TRY(refer(session, vault.id, head.sequence, change));

  std::uint64_t added = 0;
  for (const model::Reference& reference : change.added) added += reference.size;
  std::uint64_t total = sum(open) + added;
  for (const model::ObjectName& name : change.removed) total -= open.at(name);
  const std::uint64_t level = vault.level + fresh + size;
  ASSIGN_OR_RETURN(const auto retention, retention_of(session, device.id, device.customer, now));
  const auto lock = retention ? std::chrono::days(retention->lock_days) : kDefaultLock;

  trust::Receipt receipt;
  receipt.kind = trust::ReceiptKind::kCommit;
  receipt.device = device.id;
  receipt.received_at = now;
  receipt.subject = hash;
  receipt.vault = vault.id;
  receipt.head = hash;
  receipt.sequence = head.sequence;
  const std::string receipt_text = trust::make_receipt(receipt, cluster_key_);
  TRY(session.exec(
      "INSERT INTO heads (vault, sequence, hash, size, store_key, previous, device, instance,"
      " created,"
      " received, receipt, plan, is_full, state, new_bytes, total_bytes, locked_until)"
      " VALUES (:vault, :sequence, :hash, :size, :store_key, :previous, :device, :instance,"
      " :created,"
      " :received, :receipt, :plan, :is_full, 'kept', :new_bytes, :total_bytes, :locked_until)",
      {{"vault", vault.id},
       {"sequence", head.sequence},
       {"hash", hash},
       {"size", size},
       {"store_key", key},
       {"previous", head.previous},
       {"device", device.id},
       {"instance", device.asker},
       {"created", head.created},
       {"received", now},
       {"receipt", receipt_text},
       {"plan", head.plan},
       {"is_full", head.full ? 1 : 0},
       {"new_bytes", added},
       {"total_bytes", total},
       {"locked_until", now + lock}}));
  TRY(session.exec("UPDATE vaults SET head_sequence = :sequence, head_hash = :hash WHERE id = :id",
                   {{"sequence", head.sequence}, {"hash", hash}, {"id", vault.id}}));
  const std::string reason = hold_reason(hold_, sum(open), added, total);
  if (!reason.empty() && !vault.hold) {
    TRY(session.exec("UPDATE vaults SET hold = :now, hold_reason = :reason WHERE id = :id",
                     {{"now", now}, {"reason", reason}, {"id", vault.id}}));
    TRY(raise_alert(session, device.id, "retention-held-" + reason, "critical", now));
  }
  TRY(set_level(session, vault, level, {"commit-" + hash.text()}, now));
  TRY(session.exec("DELETE FROM uploads WHERE store_key = :key", {{"key", key}}));
  return Committed{receipt_text, false};
}

Answer<std::vector<Point>> Commits::points(const VaultId& vault, std::uint64_t after,
                                           std::size_t limit) {
  return database_.read([&](sql::Session& session) -> Answer<std::vector<Point>> {
    ASSIGN_OR_RETURN(const sql::Rows rows,
                     session.query("SELECT sequence, hash, size, created, received, locked_until,"
                                   " state, receipt, new_bytes, total_bytes FROM heads"
                                   " WHERE vault = :vault AND sequence > :after AND state <> 'gone'"
                                   " ORDER BY sequence LIMIT :limit",
                                   {{"vault", vault}, {"after", after}, {"limit", limit}}));
    std::vector<Point> points;
    for (const sql::Row& row : rows) points.push_back(point_of(row));
    return points;
  });
}

Answer<Bytes> Commits::head(const Device& device, const VaultId& vault, const Sha256& hash) {
  const auto key = database_.read([&](sql::Session& session) -> Answer<std::string> {
    TRY(vault_of(session, vault, device));
    ASSIGN_OR_RETURN(const std::optional<sql::Row> row,
                     session.query_one("SELECT store_key FROM heads WHERE vault = :vault"
                                       " AND hash = :hash AND state <> 'gone'",
                                       {{"vault", vault}, {"hash", hash}}));
    if (!row) return not_found("head");
    return row->text(0);
  });
  if (!key) return std::unexpected(key.error());
  ASSIGN_OR_RETURN(Bytes bytes, objects::read_all(store_, *key, model::kMaxHeadSize));
  return bytes;
}

}  // namespace obhut::cluster
