#pragma once
// The stored bytes of vaults over time: as events of the ledger, and by vault for those who ask for
// one; and the receipts that their devices get of each day.

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/crypto/signing.h"
#include "service/billing/event.h"
#include "service/cluster/devices.h"
#include "service/cluster/refusal.h"
#include "service/cluster/sql/database.h"
#include "service/cluster/tenants.h"

namespace obhut::cluster {

/// The vault holds `bytes` at the location from `now` on. In the transaction that causes it.
/// `event_id` is derived from the cause, so that a repeated one is the same event.
Result<void> record_level(sql::Session& session, const Customer& customer, const VaultId& vault,
                          billing::Location location, std::uint64_t bytes,
                          std::string_view event_id, Instant now);

/// Thread: any.
class StorageReceipts {
 public:
  static constexpr std::size_t kPage = 100;

  StorageReceipts(sql::Database& database, const Clock& clock,
                  const crypto::SigningKey& cluster_key)
      : database_(database), clock_(clock), cluster_key_(cluster_key) {}

  /// A receipt of the vault's highest level on each day that is over and comes after `after_day`
  /// ("2026-03-05", or "" for all), by day and location; days on which it held nothing have none.
  /// About kPage at most. The same day gives the same receipt, whenever it is asked for.
  /// Errors: 404 for a vault that is not the device's; 422 for a day that is none.
  Answer<std::vector<std::string>> of_vault(const Device& device, const VaultId& vault,
                                            std::string_view after_day);

 private:
  sql::Database& database_;
  const Clock& clock_;
  const crypto::SigningKey& cluster_key_;
};

}  // namespace obhut::cluster
