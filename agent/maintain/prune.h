#pragma once
// Drops recovery points of a local vault and removes what no point needs any more.

#include <atomic>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <vector>

#include "agent/base/result.h"
#include "agent/maintain/retention.h"
#include "agent/model/job_progress.h"
#include "agent/store/reaper.h"
#include "agent/vault/vault.h"

namespace obhut::maintain {

struct PruneReport {
  std::uint64_t kept_points = 0;
  std::vector<Sha256> dropped;
  std::uint64_t removed_packs = 0;
  std::uint64_t removed_index_objects = 0;
  std::uint64_t freed_bytes = 0;
};

/// Sums so far. Thread: any.
struct PruneProgress {
  std::atomic<bool> removing{false};
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> objects{0};
  std::atomic<std::uint64_t> total_objects{0};
};

/// In the words of every job.
model::JobProgress job_progress(const PruneProgress& at);

struct PruneOptions {
  KeepRules rules;
  bool dry_run = false;               ///< only says what it would do
  PruneProgress* progress = nullptr;  ///< null: nobody looks
};

/// Marks points as dropped, durably, before anything that only they need is removed: cut off at any
/// step, every kept point is whole, and the next prune goes on. Needs only heads and lists, never
/// the trees. The caller holds the vault alone.
/// Errors: kInvalidInput where the rules keep nothing; kCorrupt where heads are damaged, since what
/// they need cannot be told from what nobody needs; those of the store and the reaper.
Result<PruneReport> prune_vault(vault::Vault& vault, store::Reaper& reaper,
                                const PruneOptions& options, std::stop_token stop);

}  // namespace obhut::maintain
