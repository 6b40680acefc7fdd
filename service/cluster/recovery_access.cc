#include "service/cluster/recovery_access.h"

#include "agent/base/codec.h"
#include "agent/trust/assertion.h"
#include "agent/trust/device_id.h"
#include "service/cluster/tenants.h"
#include "service/cluster/vaults.h"

namespace obhut::cluster {
namespace {

constexpr std::string_view kReaderMark = "obr1.";

struct AccessKey {
  SigningKeyId key;
  VaultId vault;
};

Answer<std::optional<AccessKey>> access_key_of(sql::Session& session, const DeviceId& reader) {
  ASSIGN_OR_RETURN(const std::optional<sql::Row> row,
                   session.query_one("SELECT signing_key, vault FROM recovery_access"
                                     " WHERE reader = :reader",
                                     {{"reader", reader}}));
  if (!row) return std::optional<AccessKey>{};
  return std::optional(AccessKey{row->id<SigningKeyId>(0), row->id<VaultId>(1)});
}

}  // namespace

Answer<void> RecoveryAccess::allow(const Device& device, const VaultId& vault,
                                   const SigningKeyId& access_key) {
  if (access_key.is_zero()) return refuse(422, "invalid-id", "an access key is not zero");
  const DeviceId reader = trust::device_id_of(access_key);
  return database_.write([&](sql::Session& session) -> Answer<void> {
    TRY(vault_of(session, vault, device));
    TRY(session.exec(
        "INSERT INTO recovery_access (reader, signing_key, vault, registered)"
        " VALUES (:reader, :signing_key, :vault, :now) ON CONFLICT (reader) DO NOTHING",
        {{"reader", reader},
         {"signing_key", access_key},
         {"vault", vault},
         {"now", clock_.now()}}));
    ASSIGN_OR_RETURN(const std::optional<AccessKey> stands, access_key_of(session, reader));
    if (!stands || stands->vault != vault || stands->key != access_key) {
      return refuse(409, "access-key-exists", "this access key belongs to another vault");
    }
    return {};
  });
}

Answer<std::optional<AccessToken>> RecoveryAccess::exchange(std::string_view text) {
  using Given = std::optional<AccessToken>;
  const Result<DeviceId> reader = trust::claimed_device(text);
  if (!reader) return Given{};  // the device's sign-in says what is wrong with it
  const Instant now = clock_.now();
  ASSIGN_OR_RETURN(
      const std::optional<AccessKey> access,
      database_.read([&](sql::Session& session) { return access_key_of(session, *reader); }));
  if (!access) return Given{};
  return database_.write([&](sql::Session& session) -> Answer<Given> {
    TRY(passes_.use(session, text, access->key, now));
    ASSIGN_OR_RETURN(const Vault vault, find_vault(session, access->vault));
    TRY(live_customer(session, vault.customer));
    // A key that somebody else found is used where nobody sees it: the partner must.
    TRY(raise_alert(session, vault.device, kRecoveryRead, "warning", now));
    log_.info("a recovery key signed in", field("vault", vault.id));
    return Given(passes_.issue(kReaderMark, access->vault.bytes(), now));
  });
}

bool RecoveryAccess::is_token(std::string_view token) {
  return token.starts_with(kReaderMark);
}

Answer<RecoveryReader> RecoveryAccess::authenticate(std::string_view token) {
  ASSIGN_OR_RETURN(const Bytes what, passes_.open(kReaderMark, token));
  const std::optional<VaultId> id = VaultId::from_bytes(what);
  if (!id) return refuse(401, "unauthenticated", "get a new access token");
  return database_.read([&](sql::Session& session) -> Answer<RecoveryReader> {
    ASSIGN_OR_RETURN(const Vault vault, find_vault(session, *id));
    TRY(live_customer(session, vault.customer));
    ASSIGN_OR_RETURN(Device holder, find_device(session, vault.device));
    return RecoveryReader{*id, std::move(holder)};
  });
}

}  // namespace obhut::cluster
