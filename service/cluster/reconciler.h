#pragma once
// Holds the ledger's levels against what the store really has.

#include <cstdint>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/log.h"
#include "service/cluster/objects/object_store.h"
#include "service/cluster/refusal.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

struct CorrectedLevel {
  VaultId vault;
  std::uint64_t from_bytes = 0;  ///< as the ledger said
  std::uint64_t to_bytes = 0;
  std::string reason;  ///< "object-missing", "recounted"
};

struct ReconcileReport {
  std::uint64_t vaults = 0;
  std::uint64_t objects = 0;  ///< that kept points need, and heads
  std::uint64_t missing = 0;  ///< of them: not in the store, or of another size there
  std::uint64_t unknown = 0;  ///< objects in the store that nobody here knows; left alone
  std::uint64_t unknown_bytes = 0;
  std::vector<CorrectedLevel> corrected;
};

/// Thread: any. Two rounds at once do the same work twice, and correct nothing twice.
class Reconciler {
 public:
  /// Between two rounds of run_if_due().
  static constexpr std::chrono::hours kEvery{24};

  Reconciler(sql::Database& database, const Clock& clock, objects::ObjectStore& store, Log log)
      : database_(database), clock_(clock), store_(store), log_(std::move(log)) {}

  /// Lists the store and looks for every object that a kept point needs; then counts every vault
  /// anew. Each difference becomes an alert at the vault's device and, in the same transaction, an
  /// event of the ledger with its reason. Repeating it is harmless; it may be cut off anywhere.
  Answer<ReconcileReport> run(const std::stop_token& stop);
  /// The same where the last one, of any instance, is kEvery ago. Nothing where it is not.
  Answer<std::optional<ReconcileReport>> run_if_due(const std::stop_token& stop);

 private:
  struct Known;
  struct Round {
    ReconcileReport report;
    std::set<VaultId> lost;  ///< vaults of which something is missing
  };
  Answer<void> look_below(const std::string& prefix, Round& round);
  Answer<void> judge_missing(const Known& known, Round& round);
  Answer<void> count_vault(const VaultId& vault, Round& round);
  sql::Database& database_;
  const Clock& clock_;
  objects::ObjectStore& store_;
  Log log_;
};

}  // namespace obhut::cluster
