#pragma once
// Brings the local index file up to what the store holds: new index objects are read, the rest is
// taken from the file that is there.

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/seal/keyring.h"
#include "agent/store/store.h"
#include "agent/vault/index_cache.h"
#include "agent/vault/index_file.h"
#include "agent/vault/work_folder.h"

namespace obhut::vault {

struct UpToDateIndex {
  IndexFile file;
  std::vector<IndexCache::Fault> faults;
};

/// In: an existing folder, and where to keep a work folder in it, which is made only where
/// something is to be built. Errors: those of IndexCache::load.
Result<UpToDateIndex> update_index(store::Store& store, const seal::Keyring& keyring,
                                   const std::string& folder, std::optional<WorkFolder>& work,
                                   const std::stop_token& stop);

}  // namespace obhut::vault
