#include "service/cluster/vaults.h"

#include <set>

#include "service/cluster/key_object.h"
#include "service/cluster/levels.h"
#include "service/cluster/quotas.h"
#include "service/cluster/succession.h"

namespace obhut::cluster {
namespace {

constexpr std::chrono::minutes kTicketLife{60};
constexpr std::chrono::minutes kDownloadLife{60};
constexpr std::uint64_t kMaxPackSize = std::uint64_t{64} << 20U;
constexpr std::uint64_t kMaxIndexSize = std::uint64_t{256} << 20U;
constexpr std::uint64_t kMaxKeySize = std::uint64_t{64} << 10U;
/// Tickets that one vault may hold open: a runaway agent must not fill the table.
constexpr std::uint64_t kOpenTickets = 20'000;

constexpr std::string_view kVaultColumns =
    "SELECT vaults.id, vaults.device, vaults.customer, customers.partner, vaults.created,"
    " vaults.head_sequence, vaults.head_hash, vaults.level, vaults.recoverable, vaults.hold,"
    " vaults.hold_reason, vaults.location FROM vaults JOIN customers ON customers.id = "
    "vaults.customer ";

Vault vault_of_row(const sql::Row& row) {
  Vault vault;
  vault.id = row.id<VaultId>(0);
  vault.device = row.id<DeviceId>(1);
  vault.customer = row.id<CustomerId>(2);
  vault.partner = row.id<PartnerId>(3);
  vault.created = row.instant(4);
  vault.head_sequence = row.count(5);
  vault.head = row.id<Sha256>(6);
  vault.level = row.count(7);
  vault.recoverable = row.integer(8) != 0;
  vault.hold = row.maybe_instant(9);
  vault.hold_reason = row.text(10);
  vault.location = billing::parse_location(row.text(11)).value_or(billing::Location::kProvider);
  return vault;
}

std::uint64_t largest(model::ObjectKind kind) {
  switch (kind) {
    case model::ObjectKind::kPack:
      return kMaxPackSize;
    case model::ObjectKind::kIndex:
      return kMaxIndexSize;
    case model::ObjectKind::kKey:
      return kMaxKeySize;
    case model::ObjectKind::kHead:
      break;
  }
  return 0;  // heads come by commit
}

Answer<void> check_wanted(const std::vector<ObjectFacts>& objects) {
  std::set<model::ObjectName> seen;
  for (const ObjectFacts& object : objects) {
    if (object.size == 0 || object.size > largest(object.name.kind)) {
      return refuse(422, "invalid-size",
                    object.name.text() + " must have 1 to " +
                        std::to_string(largest(object.name.kind)) + " bytes");
    }
    if (!seen.insert(object.name).second) {
      return refuse(422, "invalid-request", object.name.text() + " is named twice");
    }
  }
  return {};
}

/// An object is there for good where it is stored, or condemned and about to be revived by the
/// commit that names it; damaged ones are asked for again.
Result<bool> is_stored(sql::Session& session, const VaultId& vault, const ObjectFacts& object) {
  ASSIGN_OR_RETURN(const std::optional<sql::Row> row,
                   session.query_one("SELECT state, damaged FROM objects WHERE vault = :vault"
                                     " AND kind = :kind AND hash = :hash",
                                     {{"vault", vault},
                                      {"kind", model::to_string(object.name.kind)},
                                      {"hash", object.name.hash}}));
  return row && row->text(0) != "deleted" && row->is_null(1);
}

/// Whether this vault holds such bytes under the signed key already.
Answer<bool> stored_under(sql::Session& session, std::string_view key) {
  ASSIGN_OR_RETURN(const sql::Rows rows,
                   session.query("SELECT state FROM objects WHERE store_key = :key"
                                 " AND state <> 'deleted'",
                                 {{"key", key}}));
  return !rows.empty();
}

}  // namespace

std::optional<model::ObjectKind> parse_object_kind(std::string_view text) {
  for (const model::ObjectKind kind : model::kAllObjectKinds) {
    if (text == model::to_string(kind)) return kind;
  }
  return std::nullopt;
}

Answer<Vault> find_vault(sql::Session& session, const VaultId& id) {
  ASSIGN_OR_RETURN(
      const std::optional<sql::Row> row,
      session.query_one(std::string(kVaultColumns) + "WHERE vaults.id = :id", {{"id", id}}));
  if (!row) return not_found("vault");
  return vault_of_row(*row);
}

Answer<Vault> vault_anywhere(sql::Session& session, const VaultId& id, const Device& device) {
  ASSIGN_OR_RETURN(Vault vault, find_vault(session, id));
  if (vault.device == device.id) return vault;
  ASSIGN_OR_RETURN(const bool before, had_vault(session, id, device.id));
  if (!before) return not_found("vault");
  return refuse(403, "vault-taken-over", "this vault was taken over by another installation");
}

Answer<Vault> vault_of(sql::Session& session, const VaultId& id, const Device& device) {
  ASSIGN_OR_RETURN(Vault vault, vault_anywhere(session, id, device));
  if (vault.location == billing::Location::kProvider) return vault;
  return refuse(409, "local-vault", "this vault does not lie in the cluster");
}

Answer<bool> Vaults::create(const Device& device, const VaultId& id) {
  if (id.is_zero()) return refuse(422, "invalid-id", "a vault's id is random, not zero");
  return database_.write([&](sql::Session& session) -> Answer<bool> {
    ASSIGN_OR_RETURN(const std::uint64_t added,
                     session.exec("INSERT INTO vaults (id, device, customer, created)"
                                  " VALUES (:id, :device, :customer, :created)"
                                  " ON CONFLICT (id) DO NOTHING",
                                  {{"id", id},
                                   {"device", device.id},
                                   {"customer", device.customer},
                                   {"created", clock_.now()}}));
    if (added == 0) TRY(vault_of(session, id, device));
    return added == 1;
  });
}

Answer<std::vector<Ticket>> Vaults::tickets(const Device& device, const VaultId& vault_id,
                                            const std::vector<ObjectFacts>& objects) {
  TRY(check_wanted(objects));
  const Instant now = clock_.now();
  return database_.write([&](sql::Session& session) -> Answer<std::vector<Ticket>> {
    ASSIGN_OR_RETURN(const Vault vault, vault_of(session, vault_id, device));
    ASSIGN_OR_RETURN(const std::optional<sql::Row> open,
                     session.query_one("SELECT COUNT(*) FROM uploads WHERE vault = :vault"
                                       " AND expires > :now",
                                       {{"vault", vault_id}, {"now", now}}));
    if (open->count(0) + objects.size() > kOpenTickets) {
      Refusal refusal(429, "too-many-tickets", "use the tickets that are open, or let them expire");
      refusal.retry_after = 60;
      return std::unexpected(std::move(refusal));
    }
    std::vector<Ticket> tickets;
    std::vector<sql::Params> rows;
    std::uint64_t bytes = 0;
    for (const ObjectFacts& object : objects) {
      ASSIGN_OR_RETURN(const bool stored, is_stored(session, vault_id, object));
      if (stored) {
        tickets.push_back({object.name.hash, true, "", {}});
        continue;
      }
      const std::string key =
          objects::new_key(model::folder_of(object.name.kind), object.name.hash);
      const Instant expires = now + kTicketLife;
      tickets.push_back(
          {object.name.hash, false,
           signer_.sign({objects::UrlUse::kPut, key, expires, object.size, object.name.hash}),
           expires});
      rows.push_back({{"store_key", key},
                      {"vault", vault_id},
                      {"kind", model::to_string(object.name.kind)},
                      {"hash", object.name.hash},
                      {"size", object.size},
                      {"expires", expires}});
      // The way back in must not fail for want of room.
      if (object.name.kind != model::ObjectKind::kKey) bytes += object.size;
    }
    TRY(check_quota(session, vault, bytes, now));
    TRY(
        session.exec_each("INSERT INTO uploads (store_key, vault, kind, hash, size, expires)"
                          " VALUES (:store_key, :vault, :kind, :hash, :size, :expires)",
                          rows));
    return tickets;
  });
}

Answer<std::vector<Download>> Vaults::downloads(const Device& device, const VaultId& vault_id,
                                                const std::vector<model::ObjectName>& objects) {
  const Instant expires = clock_.now() + kDownloadLife;
  return database_.read([&](sql::Session& session) -> Answer<std::vector<Download>> {
    TRY(vault_of(session, vault_id, device));
    std::vector<Download> downloads;
    for (const model::ObjectName& name : objects) {
      ASSIGN_OR_RETURN(
          const std::optional<sql::Row> row,
          session.query_one(
              "SELECT store_key, size FROM objects WHERE vault = :vault"
              " AND kind = :kind AND hash = :hash"
              " AND state <> 'deleted'",
              {{"vault", vault_id}, {"kind", model::to_string(name.kind)}, {"hash", name.hash}}));
      if (!row) return refuse(404, "unknown-object", name.text() + " is not in this vault");
      downloads.push_back({name.hash,
                           signer_.sign({objects::UrlUse::kGet, row->text(0), expires, 0, {}}),
                           row->count(1), expires});
    }
    return downloads;
  });
}

Answer<std::vector<ObjectFacts>> Vaults::objects(const Device& device, const VaultId& vault_id,
                                                 model::ObjectKind kind, bool uncommitted_only,
                                                 const Sha256& after, std::size_t limit) {
  return database_.read([&](sql::Session& session) -> Answer<std::vector<ObjectFacts>> {
    TRY(vault_of(session, vault_id, device));
    std::string sql =
        "SELECT hash, size FROM objects WHERE vault = :vault AND kind = :kind"
        " AND state <> 'deleted' AND damaged IS NULL AND hash > :after";
    if (uncommitted_only) {
      sql +=
          " AND needed = 0 AND NOT EXISTS (SELECT 1 FROM needs WHERE needs.vault = objects.vault"
          " AND needs.kind = objects.kind AND needs.hash = objects.hash)";
    }
    ASSIGN_OR_RETURN(const sql::Rows rows, session.query(sql + " ORDER BY hash LIMIT :limit",
                                                         {{"vault", vault_id},
                                                          {"kind", model::to_string(kind)},
                                                          {"after", after},
                                                          {"limit", limit}}));
    std::vector<ObjectFacts> found;
    for (const sql::Row& row : rows) found.push_back({{kind, row.id<Sha256>(0)}, row.count(1)});
    return found;
  });
}

Answer<Upload> Vaults::begin_upload(std::string_view path, std::string_view query,
                                    std::optional<std::uint64_t> content_length) {
  const auto use = signer_.verify(objects::UrlUse::kPut, path, query, clock_.now());
  if (!use) return refuse(403, "bad-url", use.error().message);
  if (!content_length) return refuse(411, "length-required", "an upload names its length");
  if (*content_length != use->length) {
    return refuse(422, "wrong-length",
                  "the ticket is for exactly " + std::to_string(use->length) + " bytes");
  }
  return database_.read([&](sql::Session& session) -> Answer<Upload> {
    ASSIGN_OR_RETURN(
        const std::optional<sql::Row> open,
        session.query_one("SELECT size FROM uploads WHERE store_key = :key", {{"key", use->key}}));
    if (open) return Upload{use->key, use->length, use->hash, false};
    ASSIGN_OR_RETURN(const bool stored, stored_under(session, use->key));
    if (!stored) return refuse(403, "ticket-used-up", "ask for a new ticket");
    return Upload{use->key, use->length, use->hash, true};
  });
}

Answer<void> Vaults::finish_upload(const Upload& upload) {
  if (upload.stored) return {};
  const Instant now = clock_.now();
  // Read before the transaction: the store may be slow.
  const bool outside_slot =
      upload.key.starts_with("keys/") && upload.length <= kMaxKeySize &&
      is_outside_slot(objects::read_all(store_, upload.key, kMaxKeySize).value_or(Bytes{}));
  return database_.write([&](sql::Session& session) -> Answer<void> {
    ASSIGN_OR_RETURN(const std::optional<sql::Row> open,
                     session.query_one("SELECT vault, kind, hash, size FROM uploads"
                                       " WHERE store_key = :key",
                                       {{"key", upload.key}}));
    if (!open) {
      // The same URL was used twice at once, and the other one was faster.
      ASSIGN_OR_RETURN(const bool stored, stored_under(session, upload.key));
      if (stored) return {};
      return refuse(403, "ticket-used-up", "ask for a new ticket");
    }
    const std::string vault = open->text(0);
    const sql::Params name{{"vault", vault}, {"kind", open->text(1)}, {"hash", open->text(2)}};
    ASSIGN_OR_RETURN(const std::optional<sql::Row> known,
                     session.query_one("SELECT state, store_key, damaged FROM objects"
                                       " WHERE vault = :vault AND kind = :kind AND hash = :hash",
                                       name));
    sql::Params row = name;
    row.insert(row.end(), {{"size", open->count(3)}, {"store_key", upload.key}, {"now", now}});
    if (!known) {
      TRY(
          session.exec("INSERT INTO objects (vault, kind, hash, size, store_key, state, stored)"
                       " VALUES (:vault, :kind, :hash, :size, :store_key, 'stored', :now)",
                       row));
    } else if (known->text(0) == "deleted" || !known->is_null(2)) {
      // Uploaded again after deletion, or in place of a damaged copy.
      TRY(
          session.exec("UPDATE objects SET size = :size, store_key = :store_key, state = 'stored',"
                       " stored = :now, condemned = NULL, damaged = NULL, scrubbed = 0"
                       " WHERE vault = :vault AND kind = :kind AND hash = :hash",
                       row));
      if (known->text(0) != "deleted") {
        ASSIGN_OR_RETURN(const Vault mended, find_vault(session, open->id<VaultId>(0)));
        TRY(settle_level(session, mended, "object-mended", now));
        TRY(
            session.exec("INSERT INTO doomed (store_key, due) VALUES (:store_key, :due)"
                         " ON CONFLICT (store_key) DO NOTHING",
                         {{"store_key", known->text(1)}, {"due", now}}));
      }
    } else {
      TRY(
          session.exec("INSERT INTO doomed (store_key, due) VALUES (:store_key, :due)"
                       " ON CONFLICT (store_key) DO NOTHING",
                       {{"store_key", upload.key}, {"due", now}}));
    }
    if (outside_slot) {
      TRY(session.exec("UPDATE vaults SET recoverable = 1 WHERE id = :id", {{"id", vault}}));
    }
    TRY(session.exec("DELETE FROM uploads WHERE store_key = :key", {{"key", upload.key}}));
    return {};
  });
}

Answer<std::pair<std::string, std::uint64_t>> Vaults::begin_download(std::string_view path,
                                                                     std::string_view query) {
  const auto use = signer_.verify(objects::UrlUse::kGet, path, query, clock_.now());
  if (!use) return refuse(403, "bad-url", use.error().message);
  ASSIGN_OR_RETURN(const std::optional<std::uint64_t> size, store_.size_of(use->key));
  if (!size) return not_found("object");
  return std::pair{use->key, *size};
}

Answer<std::vector<Vault>> Vaults::vaults_of_device(const DeviceId& device) {
  return database_.read([&](sql::Session& session) -> Answer<std::vector<Vault>> {
    ASSIGN_OR_RETURN(const sql::Rows rows,
                     session.query(std::string(kVaultColumns) +
                                       "WHERE vaults.device = :device ORDER BY vaults.created",
                                   {{"device", device}}));
    std::vector<Vault> vaults;
    for (const sql::Row& row : rows) vaults.push_back(vault_of_row(row));
    return vaults;
  });
}

Answer<Vault> Vaults::own_vault(const Device& device, const VaultId& id) {
  return database_.read([&](sql::Session& session) { return vault_of(session, id, device); });
}

Answer<Vault> Vaults::vault(const VaultId& id) {
  return database_.read([&](sql::Session& session) { return find_vault(session, id); });
}

Answer<void> Vaults::confirm_recovery(const Device& device, const VaultId& vault) {
  return database_.write([&](sql::Session& session) -> Answer<void> {
    TRY(vault_of(session, vault, device));
    TRY(session.exec("UPDATE vaults SET recoverable = 1 WHERE id = :id", {{"id", vault}}));
    return {};
  });
}

}  // namespace obhut::cluster
