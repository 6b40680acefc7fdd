#pragma once
// Retention: the only code that deletes. By the cluster's clock, from the references in signed
// heads, in two phases with a time of grace between them.

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/log.h"
#include "service/cluster/objects/object_store.h"
#include "service/cluster/refusal.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

struct RetentionPolicy {
  /// Between condemning an object and deleting its bytes.
  std::chrono::hours grace{std::chrono::days(7)};
  /// Uploads that no commit named for so long are condemned.
  std::chrono::hours uncommitted{std::chrono::days(30)};
  /// A jump of our own clock beyond this since the last run stops retention: a wrong clock must not
  /// empty the store.
  std::chrono::hours longest_pause{std::chrono::days(45)};
};

struct RetentionReport {
  std::uint64_t vaults = 0;
  std::uint64_t held = 0;
  std::uint64_t points_dropped = 0;
  std::uint64_t objects_condemned = 0;
  std::uint64_t objects_deleted = 0;
  std::uint64_t keys_removed = 0;
};

/// Has the next round remove an object's bytes, once `due` has come.
Result<void> doom(sql::Session& session, std::string_view key, Instant due);

/// Thread: any; run() by one at a time.
class Retention {
 public:
  Retention(sql::Database& database, const Clock& clock, objects::ObjectStore& store,
            const RetentionPolicy& policy, Log log)
      : database_(database), clock_(clock), store_(store), policy_(policy), log_(std::move(log)) {}

  /// One round over all vaults. Repeating it is harmless; it may be cut off anywhere.
  /// Errors: 409 clock-jumped.
  Answer<RetentionReport> run();
  /// The next run counts from now on: somebody has looked at the clock.
  Answer<void> accept_clock();

  /// Errors: 404; 409 locked; 409 newest-point while the device lives: the next point builds on it.
  Answer<void> delete_point(const VaultId& vault, const Sha256& head);
  /// The partner has looked at what held retention.
  Answer<void> release_hold(const VaultId& vault);
  /// With all devices, vaults and recovery points; bytes under lock go when the lock ends.
  Answer<void> delete_customer(const CustomerId& id);

 private:
  Answer<void> drop_points(const VaultId& vault, RetentionReport& report);
  Answer<void> condemn_uncommitted(RetentionReport& report);
  Answer<void> delete_condemned(RetentionReport& report);
  Answer<void> remove_doomed(RetentionReport& report);
  sql::Database& database_;
  const Clock& clock_;
  objects::ObjectStore& store_;
  RetentionPolicy policy_;
  Log log_;
};

}  // namespace obhut::cluster
