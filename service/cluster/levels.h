#pragma once
// The stored bytes of vaults over time: as events of the ledger, and by vault for those who ask for
// one; and the receipts that their devices get of each day.

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/crypto/signing.h"
#include "service/cluster/devices.h"
#include "service/cluster/refusal.h"
#include "service/cluster/sql/database.h"
#include "service/cluster/tenants.h"
#include "service/cluster/vaults.h"

namespace obhut::cluster {

/// What brings a vault to another level.
struct LevelCause {
  std::string_view event_id;  ///< derived from the cause: repeated, it is the same event
  /// A word, where it corrects what the ledger said: "object-missing". Else "".
  std::string_view reason{};
};
/// Says in the ledger, and in the history of levels, that the vault holds `bytes` from `now` on.
Result<void> record_level(sql::Session& session, const Customer& customer, const Vault& vault,
                          std::uint64_t bytes, const LevelCause& cause, Instant now);
/// The vault holds `bytes` from `now` on: recorded, and kept with the vault. Nothing is written
/// where it did already. In the transaction that causes it.
Answer<void> set_level(sql::Session& session, const Vault& vault, std::uint64_t bytes,
                       const LevelCause& cause, Instant now);
/// set_level() to what the catalogue's marks come to, after they were changed for `reason`.
Answer<void> settle_level(sql::Session& session, const Vault& vault, std::string_view reason,
                          Instant now);
/// The bytes of the newest level of the vault in the ledger; nothing before the first.
Result<std::optional<std::uint64_t>> newest_level(sql::Session& session, const Vault& vault);

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
