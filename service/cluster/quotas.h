#pragma once
// How much a customer, or one vault, may store in the cluster.

#include <optional>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "service/cluster/devices.h"
#include "service/cluster/refusal.h"
#include "service/cluster/sql/database.h"
#include "service/cluster/vaults.h"

namespace obhut::cluster {

/// In bytes, as they are charged.
struct Quota {
  std::optional<std::uint64_t> soft;  ///< beyond it an alert stands
  std::optional<std::uint64_t> hard;  ///< beyond it nothing is uploaded
};

/// What a vault may take, as its device is told before it uploads.
struct Allowance {
  std::uint64_t level = 0;    ///< the vault's
  std::uint64_t waiting = 0;  ///< its uploads that no point names yet
  /// Until the nearest hard limit; nothing where there is none.
  std::optional<std::uint64_t> left;
  /// The limit is the customer's, for all of its vaults together.
  bool shared = false;
  std::uint64_t limit = 0;  ///< that limit
  /// What may be added before the running month's bill grows; nothing without a price list.
  std::optional<std::uint64_t> room;
};

/// Refuses uploads of `bytes` more that the vault has no room for.
/// Errors: 507 quota-exceeded with "limit_bytes", "used_bytes" and "needed_bytes".
Answer<void> check_quota(sql::Session& session, const Vault& vault, std::uint64_t bytes,
                         Instant now);
/// Raises or clears the alert of a soft limit, after the vault's level changed.
Answer<void> watch_soft_quota(sql::Session& session, const Vault& vault, Instant now);

/// Thread: any.
class Quotas {
 public:
  Quotas(sql::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  Answer<Quota> of_customer(const CustomerId& customer);
  Answer<Quota> of_vault(const VaultId& vault);
  /// Errors: 422 for a soft limit above the hard one.
  Answer<void> set_for_customer(const CustomerId& customer, const Quota& quota);
  /// Errors: 409 for a vault that lies elsewhere: what is not in the cluster it cannot limit.
  Answer<void> set_for_vault(const VaultId& vault, const Quota& quota);

  /// Errors: those of vault_of().
  Answer<Allowance> allowance(const Device& device, const VaultId& vault);

 private:
  sql::Database& database_;
  const Clock& clock_;
};

}  // namespace obhut::cluster
