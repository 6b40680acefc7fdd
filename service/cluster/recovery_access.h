#pragma once
// Reading a vault with no device left: whoever holds its recovery key signs in with the access key
// that comes of it, and reads that one vault
// (docs/decisions/0020-a-recovery-key-opens-the-door.md).

#include <optional>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/log.h"
#include "service/cluster/devices.h"
#include "service/cluster/passes.h"
#include "service/cluster/refusal.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

/// The device's alert where its vault was opened so.
inline constexpr std::string_view kRecoveryRead = "vault-read-by-recovery-key";

/// Who signed in by a recovery key.
struct RecoveryReader {
  VaultId vault;
  Device holder;  ///< whose vault it is now; may be removed
};

/// Thread: any.
class RecoveryAccess {
 public:
  RecoveryAccess(sql::Database& database, const Clock& clock, const Passes& passes, Log log)
      : database_(database), clock_(clock), passes_(passes), log_(std::move(log)) {}

  /// The device that has the vault says which access key may read it, beside those it named before.
  /// Errors: those of vault_of(); 422 for a key that cannot sign; 409 for one of another vault.
  Answer<void> allow(const Device& device, const VaultId& vault, const SigningKeyId& access_key);

  /// Nothing where the assertion names no access key: then it is a device's. The vault's device
  /// gets an alert, for its partner to see. Errors: those of Passes::use and live_customer().
  Answer<std::optional<AccessToken>> exchange(std::string_view assertion);
  /// Whether a bearer's token says that it came of a recovery key.
  static bool is_token(std::string_view token);
  /// Errors: 401; 404 once the vault or its customer is gone.
  Answer<RecoveryReader> authenticate(std::string_view token);

 private:
  sql::Database& database_;
  const Clock& clock_;
  const Passes& passes_;
  Log log_;
};

}  // namespace obhut::cluster
