#pragma once
// Drops recovery points of a local vault, removes what no point needs any more, and copies what is
// left of mostly dead packs together.

#include <atomic>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/maintain/repack.h"
#include "agent/maintain/retention.h"
#include "agent/model/job_progress.h"
#include "agent/store/reaper.h"
#include "agent/vault/vault.h"

namespace obhut::maintain {

/// A head that cannot be read, and what was done about it.
struct PruneFault {
  Sha256 head;
  std::string message;
  bool dropped = false;  ///< the rules drop its point in any case; else what it may need stays
};

struct PruneReport {
  std::uint64_t kept_points = 0;
  std::vector<Sha256> dropped;
  std::vector<PruneFault> faults;
  std::uint64_t removed_packs = 0;
  std::uint64_t removed_index_objects = 0;
  std::uint64_t freed_bytes = 0;  ///< what was removed
  std::uint64_t repacked_packs = 0;
  std::uint64_t copied_bytes = 0;  ///< that the copies take: what was gained is freed less copied
  /// Not removed because a backup, restore or check was at work: the next prune removes it.
  std::uint64_t waiting_packs = 0;
  std::uint64_t waiting_bytes = 0;
  /// A kept point has a directory that cannot be read: nothing was repacked, since what it holds is
  /// not known.
  bool unread_points = false;
};

enum class PrunePhase : std::uint8_t { kPreparing, kRemoving, kCopying, kDone };

/// Sums so far. Thread: any.
struct PruneProgress {
  std::atomic<PrunePhase> phase{PrunePhase::kPreparing};
  std::atomic<std::uint64_t> packs{0};        ///< copied together
  std::atomic<std::uint64_t> total_packs{0};  ///< to be copied
};

/// In the words of every job.
model::JobProgress job_progress(const PruneProgress& at);

struct PruneOptions {
  KeepRules rules{};
  bool dry_run = false;  ///< only says what it would do; of repacking it says nothing
  bool repack = true;
  RepackLimits limits{};
  /// Of this vault, as the backup has it: index cache, and what this run leaves to the next one and
  /// to the next backup. "": nothing is kept.
  std::string cache_directory{};
  PruneProgress* progress = nullptr;  ///< null: nobody looks
};

/// Marks points as dropped, durably, before anything that only they need is removed: cut off at any
/// step, every kept point is whole, and the next prune goes on. The caller keeps other prunes out,
/// nobody else: what a backup commits meanwhile is left alone, and nothing is removed while
/// somebody reads or writes. Where heads are damaged, all that they may need stays.
/// Errors: kInvalidInput where the rules keep nothing; those of the store and the reaper.
Result<PruneReport> prune_vault(vault::Vault& vault, store::Reaper& reaper,
                                const PruneOptions& options, std::stop_token stop);

}  // namespace obhut::maintain
