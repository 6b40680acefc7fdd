#pragma once
// Vaults that lie at the customer: their devices measure them and sign what they found.

#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "service/cluster/devices.h"
#include "service/cluster/refusal.h"
#include "service/cluster/sql/database.h"
#include "service/cluster/vaults.h"

namespace obhut::cluster {

/// Thread: any.
class LocalVaults {
 public:
  LocalVaults(sql::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  /// The level of the vault, which is made known by its first measurement, is what the newest one
  /// says, from its receipt on. Idempotent: the same document again changes nothing.
  /// Errors: 422 malformed-measurement, foreign-measurement, too-many-vaults; 409 stale-measurement
  /// with the "number" that is known, for one that is not newer; 404 for a vault that is another
  /// device's or lies in the cluster; 403 vault-taken-over.
  Answer<void> take(const Device& device, std::string_view document);

  /// The partner says that the vault is gone, though nobody can measure it any more: its level is 0
  /// from now on. Errors: 404; 409 for a vault in the cluster, and while its device lives.
  Answer<void> forget(const VaultId& vault);

 private:
  sql::Database& database_;
  const Clock& clock_;
};

}  // namespace obhut::cluster
