#include "service/cluster/local_vaults.h"

#include "agent/crypto/digest.h"
#include "agent/trust/measurement.h"
#include "service/cluster/ledger_store.h"
#include "service/cluster/levels.h"

namespace obhut::cluster {
namespace {

/// More than anybody has disks: a device that was taken over must not fill the ledger.
constexpr std::uint64_t kMostVaults = 64;

/// Errors: as LocalVaults::take.
Answer<Vault> known_vault(sql::Session& session, const VaultId& id, const Device& device,
                          Instant now) {
  ASSIGN_OR_RETURN(const std::optional<sql::Row> others,
                   session.query_one("SELECT COUNT(*) FROM vaults WHERE device = :device"
                                     " AND location = 'local' AND id <> :id",
                                     {{"device", device.id}, {"id", id}}));
  if (others->count(0) >= kMostVaults) {
    return refuse(422, "too-many-vaults", "a device has at most 64 local vaults");
  }
  TRY(session.exec(
      "INSERT INTO vaults (id, device, customer, created, location)"
      " VALUES (:id, :device, :customer, :created, 'local')"
      " ON CONFLICT (id) DO NOTHING",
      {{"id", id}, {"device", device.id}, {"customer", device.customer}, {"created", now}}));
  ASSIGN_OR_RETURN(Vault vault, vault_anywhere(session, id, device));
  if (vault.location != billing::Location::kLocal) return not_found("local vault");
  return vault;
}

/// The newest number that this device has given for the vault; a device that took it over begins
/// anew.
Result<std::uint64_t> newest_number(sql::Session& session, const VaultId& vault,
                                    const DeviceId& device) {
  ASSIGN_OR_RETURN(const std::optional<sql::Row> row,
                   session.query_one("SELECT COALESCE(MAX(number), 0) FROM measurements"
                                     " WHERE vault = :vault AND device = :device",
                                     {{"vault", vault}, {"device", device}}));
  return row->count(0);
}

}  // namespace

Answer<void> LocalVaults::take(const Device& device, std::string_view document) {
  const auto read = trust::read_measurement(document, device.key);
  if (!read) return refuse(422, "malformed-measurement", read.error().message);
  if (read->device != device.id || read->vault.is_zero()) {
    return refuse(422, "foreign-measurement", "the measurement names another device, or no vault");
  }
  const std::string event = "measured-" + crypto::sha256(as_bytes(document)).text();
  const Instant now = clock_.now();
  return database_.write([&](sql::Session& session) -> Answer<void> {
    ASSIGN_OR_RETURN(const Vault vault, known_vault(session, read->vault, device, now));
    ASSIGN_OR_RETURN(const std::uint64_t newest, newest_number(session, vault.id, device.id));
    if (read->number <= newest) {
      ASSIGN_OR_RETURN(
          const std::optional<sql::Row> same,
          session.query_one("SELECT number FROM measurements WHERE vault = :vault"
                            " AND device = :device AND event_id = :event",
                            {{"vault", vault.id}, {"device", device.id}, {"event", event}}));
      if (same) return {};
      Refusal stale(409, "stale-measurement",
                    "a newer measurement of this vault is known; measure again and count on");
      stale.members = "\"number\":" + std::to_string(newest);
      return std::unexpected(std::move(stale));
    }
    TRY(
        session.exec("INSERT INTO measurements (vault, device, number, event_id, document,"
                     " received) VALUES (:vault, :device, :number, :event, :document, :received)",
                     {{"vault", vault.id},
                      {"device", device.id},
                      {"number", read->number},
                      {"event", event},
                      {"document", document},
                      {"received", now}}));
    return set_level(session, vault, read->bytes, {event}, now);
  });
}

Answer<void> LocalVaults::forget(const VaultId& id) {
  const Instant now = clock_.now();
  return database_.write([&](sql::Session& session) -> Answer<void> {
    ASSIGN_OR_RETURN(const Vault vault, find_vault(session, id));
    if (vault.location != billing::Location::kLocal) {
      return refuse(409, "vault-in-cluster", "delete its recovery points, or the customer");
    }
    ASSIGN_OR_RETURN(const Device device, find_device(session, vault.device));
    if (!device.removed) {
      return refuse(409, "device-lives", "its device measures it; remove the device first");
    }
    return set_level(session, vault, 0, {event_id_at("forgotten", id, now), "forgotten"}, now);
  });
}

}  // namespace obhut::cluster
