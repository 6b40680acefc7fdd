#include "agent/vault/sparse_blobs.h"

#include "platform/atomic_file.h"
#include "platform/local_files.h"

namespace obhut::vault {
namespace {

/// Two million blobs: more than one run could store anew.
constexpr std::size_t kMostBytes = 64U << 20U;

std::string sparse_path(const std::string& directory) {
  return platform::join(directory, "sparse");
}

}  // namespace

SparseBlobs read_sparse_blobs(const std::string& directory) {
  SparseBlobs blobs;
  if (directory.empty()) return blobs;
  const Result<Bytes> bytes = platform::read_file(sparse_path(directory), kMostBytes);
  if (!bytes) return blobs;
  ByteView rest = *bytes;
  blobs.reserve(rest.size() / BlobId::kSize);
  for (; rest.size() >= BlobId::kSize; rest = rest.subspan(BlobId::kSize)) {
    if (const auto id = BlobId::from_bytes(rest.first(BlobId::kSize))) blobs.insert(*id);
  }
  return blobs;
}

Result<void> write_sparse_blobs(const std::string& directory, const std::vector<BlobId>& blobs) {
  if (directory.empty()) return {};
  Bytes bytes;
  bytes.reserve(blobs.size() * BlobId::kSize);
  for (const BlobId& id : blobs) bytes.insert(bytes.end(), id.bytes().begin(), id.bytes().end());
  return platform::write_file(sparse_path(directory), bytes);
}

}  // namespace obhut::vault
