#pragma once
// A vault with a source tree and a target beside it, for tests of the whole way there and back.

#include <memory>
#include <string>
#include <vector>

#include "agent/maintain/check.h"
#include "agent/maintain/prune.h"
#include "agent/maintain/repair.h"
#include "agent/pipeline/backup_job.h"
#include "agent/restore/restore_job.h"
#include "agent/vault/vault.h"
#include "tests/support/fake_clock.h"
#include "tests/support/mem_store.h"
#include "tests/support/tree_generator.h"

namespace obhut::tests {

/// The clock is an hour ahead, so that files just made count as settled.
class VaultBench {
 public:
  /// On `store`, or on one in memory.
  explicit VaultBench(store::Store* store = nullptr);

  [[nodiscard]] std::string source() const { return folder / "source"; }
  [[nodiscard]] std::string target() const { return folder / "target"; }
  /// Where the source lands in a target.
  [[nodiscard]] std::string landed(const std::string& in) const { return in + source(); }

  pipeline::BackupOptions options() const;
  Result<pipeline::BackupReport> backup(std::stop_token stop = {});
  Result<pipeline::BackupReport> backup(pipeline::BackupOptions with, std::stop_token stop = {});
  Result<restore::RestoreReport> restore(const model::Summary& point, const std::string& into,
                                         restore::RestoreOptions with = {});
  Result<maintain::CheckReport> check(bool read_data = true);
  Result<maintain::RepairReport> repair();
  Result<maintain::PruneReport> prune(const maintain::KeepRules& rules);
  std::unique_ptr<vault::IndexCache> index();

  TempFolder folder;
  FakeClock clock;
  MemStore memory;
  store::Store& store;
  Log log = Log::silent();
  std::unique_ptr<vault::Vault> vault;
};

/// "" where the two trees are alike; else the first differences, by our own manifest.
std::string manifest_difference(const std::string& original, const std::string& copy);

}  // namespace obhut::tests
