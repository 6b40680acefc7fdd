#pragma once
// Blobs of which the newest point uses little: noted by prune beside the index cache, avoided by
// the next backup. A blob is never changed, so that only storing the rest anew lets it go.

#include <string>
#include <unordered_set>
#include <vector>

#include "agent/base/ids.h"
#include "agent/base/result.h"

namespace obhut::vault {

/// A hint: where it is lost nothing is stored anew, and whoever made it up makes files be read.
using SparseBlobs = std::unordered_set<BlobId, IdHash>;

/// In: the cache folder of the vault. Empty where none were noted, or the note cannot be read.
SparseBlobs read_sparse_blobs(const std::string& directory);
/// In place of what was noted before. Errors: those of writing a file.
Result<void> write_sparse_blobs(const std::string& directory, const std::vector<BlobId>& blobs);

}  // namespace obhut::vault
