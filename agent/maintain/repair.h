#pragma once
// Rebuilds the index from the packs themselves.

#include <stop_token>
#include <string>

#include "agent/base/result.h"
#include "agent/maintain/check.h"
#include "agent/vault/vault.h"

namespace obhut::maintain {

struct RepairReport {
  std::uint64_t packs = 0;          ///< readable, all or in part
  std::uint64_t damaged_packs = 0;  ///< of them: some blobs are gone
  std::uint64_t unreadable_packs = 0;
  std::uint64_t blobs = 0;       ///< good
  std::uint64_t lost_blobs = 0;  ///< in packs, but damaged
  /// What of which point cannot be restored any more, each file by name.
  CheckReport points;
};

/// Reads every pack and writes one new index of all blobs that are good, in place of all index
/// objects before. Nothing is removed: heads stay, damaged points are reported. A lost blob is in
/// no index any more, so that the next backup stores it again where the source still has it.
/// The caller holds the vault alone. Errors: those of the store; kCancelled. A run that was cut
/// off has changed nothing.
Result<RepairReport> repair_vault(vault::Vault& vault, const CheckOptions& options,
                                  ReadProgress& progress, std::stop_token stop);

}  // namespace obhut::maintain
