#pragma once
// Removes from a local vault what no head needs, while nobody else is at work.

#include <cstdint>
#include <optional>
#include <stop_token>

#include "agent/base/result.h"
#include "agent/maintain/needs.h"
#include "agent/store/reaper.h"
#include "agent/vault/vault.h"

namespace obhut::maintain {

struct RemovalReport {
  std::uint64_t packs = 0;
  std::uint64_t index_objects = 0;
  std::uint64_t bytes = 0;          ///< of both
  std::uint64_t waiting_packs = 0;  ///< found unneeded, but somebody was at work
  std::uint64_t waiting_bytes = 0;
};

/// Heads are read again while the store is quiet, and all that they name by then stays: a backup
/// may have committed since the caller looked, on packs that nobody needed before. A backup,
/// restore or check that is at work now keeps everything where it is: then what would go is counted
/// as waiting, and false is the answer. In: points are marked as dropped already. Errors: those of
/// the store and the reaper.
Result<bool> remove_unneeded(vault::Vault& vault, store::Reaper& reaper,
                             const vault::IndexCache& index, RemovalReport& report,
                             const std::stop_token& stop);

/// Only counts, as if the heads in `dropped` (ascending) were gone.
Result<RemovalReport> count_unneeded(vault::Vault& vault, const vault::HeadChain& chain,
                                     std::span<const Sha256> dropped,
                                     const vault::IndexCache& index, const std::stop_token& stop);

}  // namespace obhut::maintain
