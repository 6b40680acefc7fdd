#pragma once
// The index as a run may rely on it: without packs that are gone, with packs that an earlier run
// left, and small enough to be read at every start.

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/log.h"
#include "agent/base/result.h"
#include "agent/vault/index_cache.h"
#include "agent/vault/vault.h"

namespace obhut::pipeline {

struct RunIndex {
  std::unique_ptr<vault::IndexCache> index;
  std::vector<pack::PackInfo> orphans;  ///< stored, but in no index object
};

/// Loads the index and holds it against what the store lists: a blob of a pack that was pruned or
/// lost must be stored again, not referred to. Errors: those of IndexCache::load.
Result<RunIndex> load_run_index(vault::Vault& vault, const std::string& directory, const Log& log,
                                const std::stop_token& stop);

/// Index objects beyond this many are merged into one.
inline constexpr std::size_t kManyIndexObjects = 64;

/// One index object in place of all that `index` was made from and of `also`; nothing where there
/// are not too many of them, or too many blobs for one. Errors: those of IndexCache::intact and
/// Store::put.
Result<std::optional<store::ObjectInfo>> merge_index_objects(
    vault::Vault& vault, const vault::IndexCache& index, const std::vector<store::ObjectInfo>& also,
    const std::stop_token& stop);

}  // namespace obhut::pipeline
