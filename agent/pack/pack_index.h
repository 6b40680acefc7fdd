#pragma once
// Which blob lies where: index objects. Bytes: FORMAT.md section 2.

#include <vector>

#include "agent/base/bytes.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/pack/pack_info.h"
#include "agent/seal/keyring.h"

namespace obhut::pack {

/// Begin a new index object before this many blobs or kMaxIndexPacks: 40 bytes each, 20 MB.
inline constexpr std::size_t kMaxIndexBlobs = 500'000;
inline constexpr std::size_t kMaxIndexPacks = 65'536;

struct IndexObject {
  std::vector<PackInfo> packs;
  std::vector<Sha256> superseded;  ///< index objects that this one replaces
  friend bool operator==(const IndexObject&, const IndexObject&) = default;
};

/// Errors: kInvalidInput beyond the limits.
Result<Bytes> encode_index(const IndexObject& index);
/// Errors: kCorrupt.
Result<IndexObject> parse_index(ByteView plain);

Result<Bytes> seal_index(const seal::Keyring& keyring, const IndexObject& index);
/// Errors: kCorrupt, kCrypto.
Result<IndexObject> open_index(const seal::Keyring& keyring, ByteView sealed);

}  // namespace obhut::pack
