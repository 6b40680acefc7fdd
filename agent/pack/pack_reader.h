#pragma once
// The inverse of PackWriter, distrusting every length.

#include <cstdint>
#include <functional>

#include "agent/base/bytes.h"
#include "agent/base/result.h"
#include "agent/pack/pack_info.h"
#include "agent/seal/keyring.h"
#include "agent/seal/object_cipher.h"
#include "agent/seal/sealer.h"

namespace obhut::pack {

struct PackHeader {
  model::BlobKind kind = model::BlobKind::kData;
  VaultId vault;
  seal::Epoch epoch = 0;
  seal::Salt salt;
  seal::Commitment commitment;
};

/// In: the first kPackHeaderSize bytes, or more. Errors: kCorrupt.
Result<PackHeader> parse_pack_header(ByteView bytes);
/// In: the last kPackTrailerSize bytes. Out: the sealed footer's length. Errors: kCorrupt.
Result<std::uint32_t> parse_pack_trailer(ByteView bytes);
/// In: the opened footer of a pack of `size` bytes. Fills `info.blobs`. Errors: kCorrupt.
Result<void> parse_pack_footer(ByteView plain, std::uint64_t footer_offset, PackInfo& info);

/// Bytes of the pack, by range; exactly as many as asked for.
using FetchRange = std::function<Result<Bytes>(ByteRange)>;

/// Reads header and footer by range reads: two for most packs.
/// Errors: those of `fetch`; kCorrupt; kCrypto for another vault, a wrong commitment, a footer that
/// does not open.
Result<PackInfo> read_pack_info(const seal::Keyring& keyring, const Sha256& name,
                                std::uint64_t size, const FetchRange& fetch);
/// The same of a whole pack in memory, whose hash must be `name`. Errors: as above.
Result<PackInfo> read_pack_info(const seal::Keyring& keyring, const Sha256& name, ByteView pack);

/// The cipher for a pack's blobs; compares the commitment first.
/// Errors: kCrypto.
Result<seal::ObjectCipher> pack_cipher(const seal::Keyring& keyring, const PackInfo& info);

/// Opens one blob and checks that the keyed hash of the plain bytes is its id.
/// In: `sealed` are the entry.sealed_length bytes at entry.offset. Errors: kCrypto, kCorrupt.
Result<void> open_blob(const seal::Keyring& keyring, const PackInfo& info, std::uint32_t number,
                       const BlobEntry& entry, seal::ObjectCipher& cipher, seal::Opener& opener,
                       ByteView sealed, MutableByteView plain);

}  // namespace obhut::pack
