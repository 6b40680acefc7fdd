#pragma once
// What the next backup is to leave, noted beside the index cache: content that lies there counts as
// not stored, is read again and stored anew, so that the old place can go with the last point that
// needs it. Hints: where one is lost nothing is stored anew, and whoever makes one up makes files
// be read.

#include <string>
#include <unordered_set>
#include <vector>

#include "agent/base/ids.h"
#include "agent/base/result.h"

namespace obhut::vault {

/// Blobs of which the newest point uses little: a blob is never changed.
using SparseBlobs = std::unordered_set<BlobId, IdHash>;

/// In: the cache folder of the vault. Empty where none were noted, or the note cannot be read.
SparseBlobs read_sparse_blobs(const std::string& directory);
/// In place of what was noted before. Errors: those of writing a file.
Result<void> write_sparse_blobs(const std::string& directory, const std::vector<BlobId>& blobs);

/// Packs of which little is live, in a store that never copies: for good, since a blob that was
/// stored anew has two places then.
using LeftPacks = std::unordered_set<Sha256, IdHash>;

/// As for sparse blobs.
LeftPacks read_left_packs(const std::string& directory);
Result<void> write_left_packs(const std::string& directory, const std::vector<Sha256>& packs);

}  // namespace obhut::vault
