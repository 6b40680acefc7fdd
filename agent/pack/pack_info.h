#pragma once
// What is known of a pack without reading its blobs: the unit of the index.

#include <cstdint>
#include <vector>

#include "agent/base/bytes.h"
#include "agent/base/ids.h"
#include "agent/model/blob.h"
#include "agent/seal/object_cipher.h"

namespace obhut::pack {

/// A blob in a pack; its number is its place in PackInfo::blobs.
struct BlobEntry {
  BlobId id;
  model::Codec codec = model::Codec::kRaw;
  std::uint32_t offset = 0;         ///< of the sealed body in the pack
  std::uint32_t sealed_length = 0;  ///< with its tag
  std::uint32_t plain_length = 0;
  friend bool operator==(const BlobEntry&, const BlobEntry&) = default;
};

struct PackInfo {
  Sha256 name;
  std::uint64_t size = 0;
  model::BlobKind kind = model::BlobKind::kData;
  seal::Epoch epoch = 0;
  seal::Salt salt;
  seal::Commitment commitment;
  std::vector<BlobEntry> blobs;
  friend bool operator==(const PackInfo&, const PackInfo&) = default;
};

inline constexpr std::size_t kPackHeaderSize = 96;
inline constexpr std::size_t kPackTrailerSize = 16;
/// What a pack grows to at most before it is closed.
inline constexpr std::size_t kPackTarget = 16U << 20U;
/// No pack is longer: what a reader must be ready to fetch.
inline constexpr std::size_t kMaxPackSize = 32U << 20U;

}  // namespace obhut::pack
