#include "service/cluster/succession.h"

namespace obhut::cluster {
namespace {

/// An upload under an old ticket may still be on its way: its bytes are swept up after it.
constexpr std::chrono::hours kUploadPatience{2};

}  // namespace

Answer<Device> replaceable_device(sql::Session& session, const DeviceId& id,
                                  const CustomerId& customer) {
  const auto unknown = [] {
    return refuse(422, "replaces-unknown",
                  "the device to be replaced is none of this customer's; look its id up again");
  };
  Answer<Device> old = find_device(session, id);
  if (!old && old.error().status == 404) return unknown();
  if (!old) return old;
  if (old->customer != customer) return unknown();
  if (old->replaced_by) {
    return refuse(409, "device-replaced",
                  "device " + old->replaced_by->text() +
                      " has taken this one's place already; name that one");
  }
  return old;
}

Result<void> take_place(sql::Session& session, const Device& old, const Sha256& hardware,
                        Instant now) {
  TRY(
      session.exec("UPDATE devices SET superseded = :now WHERE workload = :workload"
                   " AND superseded IS NULL AND removed IS NULL",
                   {{"now", now}, {"workload", old.workload}}));
  if (hardware.is_zero()) return {};
  // The machine is this workload's now. Did it present another one so far, that one waits for the
  // partner to remove it: only the partner ends a licence (BILLING.md rule 7).
  TRY(
      session.exec("UPDATE workloads SET hardware = :nothing WHERE customer = :customer"
                   " AND hardware = :hardware AND id <> :workload",
                   {{"nothing", Sha256{}},
                    {"customer", old.customer},
                    {"hardware", hardware},
                    {"workload", old.workload}}));
  TRY(session.exec("UPDATE workloads SET hardware = :hardware WHERE id = :workload",
                   {{"hardware", hardware}, {"workload", old.workload}}));
  return {};
}

Result<void> hand_over_vaults(sql::Session& session, const Device& old, const DeviceId& heir,
                              Instant now) {
  // First, and only where nobody was faster: of two tokens for one device the second finds this.
  ASSIGN_OR_RETURN(const std::uint64_t taken,
                   session.exec("UPDATE devices SET replaced_by = :heir WHERE id = :old"
                                " AND replaced_by IS NULL",
                                {{"heir", heir}, {"old", old.id}}));
  if (taken != 1) {
    return fail(ErrorKind::kConflict, "device " + old.id.text() + ": was replaced just now");
  }
  TRY(
      session.exec("INSERT INTO vault_transfers (vault, device, taken)"
                   " SELECT id, device, :now FROM vaults WHERE device = :old"
                   " ON CONFLICT (vault, device) DO NOTHING",
                   {{"now", now}, {"old", old.id}}));
  TRY(
      session.exec("INSERT INTO doomed (store_key, due) SELECT store_key, :due FROM uploads"
                   " WHERE vault IN (SELECT id FROM vaults WHERE device = :old)"
                   " ON CONFLICT (store_key) DO NOTHING",
                   {{"due", now + kUploadPatience}, {"old", old.id}}));
  TRY(
      session.exec("DELETE FROM uploads WHERE vault IN (SELECT id FROM vaults"
                   " WHERE device = :old)",
                   {{"old", old.id}}));
  TRY(session.exec("UPDATE vaults SET device = :heir WHERE device = :old",
                   {{"heir", heir}, {"old", old.id}}));
  // Whoever watches the devices sees it: a token of a stolen operator's key would do the same.
  return raise_alert(session, old.id, "vault-taken-over", "warning", now);
}

Result<bool> had_vault(sql::Session& session, const VaultId& vault, const DeviceId& device) {
  ASSIGN_OR_RETURN(const std::optional<sql::Row> row,
                   session.query_one("SELECT taken FROM vault_transfers WHERE vault = :vault"
                                     " AND device = :device",
                                     {{"vault", vault}, {"device", device}}));
  return row.has_value();
}

}  // namespace obhut::cluster
