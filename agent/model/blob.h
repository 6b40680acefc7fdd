#pragma once
// Blobs: the pieces that packs hold. Everything in a tree refers to plain bytes by Ref.

#include <compare>
#include <cstdint>

#include "agent/base/ids.h"

namespace obhut::model {

/// What a blob (and the pack around it) holds. The numbers are part of the formats.
enum class BlobKind : std::uint8_t {
  kData = 1,   ///< file content: chunks and segments of small files
  kNodes = 2,  ///< directory parts and piece lists
};

/// How a blob's body was shrunk before it was sealed.
enum class Codec : std::uint8_t { kRaw = 0, kZstd = 1 };

/// No blob is longer, in plain or sealed: what a reader must be ready to allocate.
inline constexpr std::uint32_t kMaxBlobSize = 8U << 20U;

/// A slice of a plain blob: `length` bytes from `offset` on. Both end within kMaxBlobSize.
struct Ref {
  BlobId blob;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
  friend auto operator<=>(const Ref&, const Ref&) = default;
};

}  // namespace obhut::model
