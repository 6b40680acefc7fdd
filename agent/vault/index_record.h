#pragma once
// One blob in one pack, and one pack, as the local index holds them: FORMAT.md section 5.

#include <cstdint>
#include <cstring>

#include "agent/base/bytes.h"
#include "agent/base/ids.h"
#include "agent/pack/pack_info.h"

namespace obhut::vault {

struct IndexRecord {
  static constexpr std::size_t kSize = 52;

  BlobId id;
  std::uint32_t pack = 0;    ///< number in the index
  std::uint32_t number = 0;  ///< of the blob in its pack
  model::Codec codec = model::Codec::kRaw;
  std::uint32_t offset = 0;
  std::uint32_t sealed_length = 0;
  std::uint32_t plain_length = 0;

  static IndexRecord of(const pack::BlobEntry& blob, std::uint32_t pack, std::uint32_t number);
  [[nodiscard]] pack::BlobEntry entry() const;
  void write(std::uint8_t* out) const;
  static IndexRecord read(const std::uint8_t* in);
  friend bool operator<(const IndexRecord& a, const IndexRecord& b) {
    const int order = std::memcmp(a.id.bytes().data(), b.id.bytes().data(), BlobId::kSize);
    return order != 0 ? order < 0 : a.pack < b.pack;
  }
};

/// Bytes of a pack without its blobs.
inline constexpr std::size_t kPackRecordSize = 32 + 8 + 1 + 4 + 32 + 32;
/// Appends kPackRecordSize bytes.
void write_pack_record(Bytes& out, const pack::PackInfo& pack);
/// In: kPackRecordSize bytes. Out: without blobs.
pack::PackInfo read_pack_record(ByteView in);

}  // namespace obhut::vault
