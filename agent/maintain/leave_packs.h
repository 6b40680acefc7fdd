#pragma once
// Repacking where the store removes by reference alone and copies nothing: the next backup leaves
// packs that are mostly dead, and stores what it needs of them anew.
// docs/decisions/0007-repack-by-live-bytes.md.

#include <cstdint>
#include <stop_token>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/maintain/repack.h"
#include "agent/vault/vault.h"

namespace obhut::maintain {

struct LeaveOptions {
  Instant now{};
  /// Of this vault, as the backup has it; "": nothing is done.
  std::string cache_directory{};
  /// Trees are walked this often at most: that reads all directories of the newest point.
  std::chrono::hours interval{7 * 24};
  /// Until the last point on an old pack goes, what was stored anew takes its room twice: so only
  /// packs of which three quarters are dead, and little a run.
  RepackLimits limits{.tolerated = 5, .least_dead = 75, .most_copied = 2, .free_bytes = 64U << 20U};
};

struct LeaveReport {
  std::uint64_t packs = 0;       ///< to be left
  std::uint64_t live_bytes = 0;  ///< of them, to be stored anew
};

/// Chooses among the packs of files that the newest point needs, by what all kept points reach, and
/// notes the choice for the next backup (vault::LeftPacks). A hint: it removes nothing, and changes
/// no point. Does nothing where the interval is not over, or nothing can have died since.
/// Errors: those of the store; kUnavailable where a point cannot be read.
Result<LeaveReport> leave_mostly_dead_packs(vault::Vault& vault, const LeaveOptions& options,
                                            const std::stop_token& stop);

}  // namespace obhut::maintain
