#include "agent/vault/sparse_blobs.h"

#include "platform/atomic_file.h"
#include "platform/local_files.h"

namespace obhut::vault {
namespace {

/// Two million ids: more than one run could store anew.
constexpr std::size_t kMostBytes = 64U << 20U;
constexpr std::string_view kSparse = "sparse";
constexpr std::string_view kLeft = "left";

template <class Id>
std::unordered_set<Id, IdHash> read_ids(const std::string& directory, std::string_view name) {
  std::unordered_set<Id, IdHash> ids;
  if (directory.empty()) return ids;
  const Result<Bytes> bytes = platform::read_file(platform::join(directory, name), kMostBytes);
  if (!bytes) return ids;
  ByteView rest = *bytes;
  ids.reserve(rest.size() / Id::kSize);
  for (; rest.size() >= Id::kSize; rest = rest.subspan(Id::kSize)) {
    if (const auto id = Id::from_bytes(rest.first(Id::kSize))) ids.insert(*id);
  }
  return ids;
}

template <class Id>
Result<void> write_ids(const std::string& directory, std::string_view name,
                       const std::vector<Id>& ids) {
  if (directory.empty()) return {};
  Bytes bytes;
  bytes.reserve(ids.size() * Id::kSize);
  for (const Id& id : ids) bytes.insert(bytes.end(), id.bytes().begin(), id.bytes().end());
  return platform::write_file(platform::join(directory, name), bytes);
}

}  // namespace

SparseBlobs read_sparse_blobs(const std::string& directory) {
  return read_ids<BlobId>(directory, kSparse);
}

Result<void> write_sparse_blobs(const std::string& directory, const std::vector<BlobId>& blobs) {
  return write_ids(directory, kSparse, blobs);
}

LeftPacks read_left_packs(const std::string& directory) {
  return read_ids<Sha256>(directory, kLeft);
}

Result<void> write_left_packs(const std::string& directory, const std::vector<Sha256>& packs) {
  return write_ids(directory, kLeft, packs);
}

}  // namespace obhut::vault
