#include "agent/pack/pack_index.h"

#include "agent/base/codec.h"
#include "agent/pack/pack_format.h"
#include "agent/seal/envelope.h"

namespace obhut::pack {
namespace {

constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kLeastPackRecord = 32 + 1 + 1 + 4 + 32 + 32 + 1;
constexpr std::size_t kLeastBlobRecord = 32 + 1 + 1 + 1;

void write_pack(Writer& out, const PackInfo& pack) {
  out.id(pack.name);
  out.varint(pack.size);
  out.u8(static_cast<std::uint8_t>(pack.kind));
  out.u32(pack.epoch);
  out.id(pack.salt);
  out.id(pack.commitment);
  out.varint(pack.blobs.size());
  for (const BlobEntry& blob : pack.blobs) {
    out.id(blob.id);
    out.u8(static_cast<std::uint8_t>(blob.codec));
    out.varint(blob.sealed_length);
    out.varint(blob.plain_length);
  }
}

/// The next blob behind `offset`; fails the reader for lengths that no blob has.
BlobEntry read_blob(Reader& in, std::uint64_t offset) {
  BlobEntry blob;
  blob.id = in.id<BlobId>();
  const std::uint8_t codec = in.u8();
  const std::uint64_t sealed = in.varint();
  const std::uint64_t plain = in.varint();
  const bool raw = codec == 0;
  if (codec > 1 || plain > model::kMaxBlobSize || sealed < crypto::kAeadTagSize ||
      (raw && sealed - crypto::kAeadTagSize != plain) ||
      (!raw && sealed - crypto::kAeadTagSize >= plain)) {
    in.fail();
  }
  blob.codec = raw ? model::Codec::kRaw : model::Codec::kZstd;
  blob.offset = static_cast<std::uint32_t>(offset);
  blob.sealed_length = static_cast<std::uint32_t>(sealed);
  blob.plain_length = static_cast<std::uint32_t>(plain);
  return blob;
}

PackInfo read_pack(Reader& in) {
  PackInfo pack;
  pack.name = in.id<Sha256>();
  pack.size = in.varint();
  const std::uint8_t kind = in.u8();
  pack.epoch = in.u32();
  pack.salt = in.id<seal::Salt>();
  pack.commitment = in.id<seal::Commitment>();
  if (kind < 1 || kind > 2 || pack.size > kMaxPackSize) in.fail();
  pack.kind = static_cast<model::BlobKind>(kind);
  const std::size_t count = in.count(kLeastBlobRecord);
  if (count >= seal::kMaxPositions) in.fail();
  if (!in.ok()) return pack;
  pack.blobs.reserve(count);
  std::uint64_t end = kPackHeaderSize;
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    pack.blobs.push_back(read_blob(in, end));
    end += pack.blobs.back().sealed_length;
    if (end + kFooterCount + crypto::kAeadTagSize + kPackTrailerSize > pack.size) in.fail();
  }
  return pack;
}

}  // namespace

Result<Bytes> encode_index(const IndexObject& index) {
  std::size_t blobs = 0;
  for (const PackInfo& pack : index.packs) blobs += pack.blobs.size();
  // One pack may hold more blobs than an index object should: it is still let in.
  const bool one_pack = index.packs.size() == 1 && blobs < seal::kMaxPositions;
  if (index.packs.size() > kMaxIndexPacks || (blobs > kMaxIndexBlobs && !one_pack)) {
    return fail(ErrorKind::kInvalidInput, "index: too many packs or blobs for one object");
  }
  Writer out;
  out.u16(kVersion);
  out.varint(index.superseded.size());
  for (const Sha256& name : index.superseded) out.id(name);
  out.varint(index.packs.size());
  for (const PackInfo& pack : index.packs) write_pack(out, pack);
  return std::move(out).take();
}

Result<IndexObject> parse_index(ByteView plain) {
  Reader in(plain);
  const std::uint16_t version = in.u16();
  if (in.ok() && version != kVersion) return fail(ErrorKind::kCorrupt, "index: unknown version");
  IndexObject index;
  index.superseded.resize(in.count(Sha256::kSize));
  for (Sha256& name : index.superseded) name = in.id<Sha256>();
  const std::size_t packs = in.count(kLeastPackRecord);
  if (packs > kMaxIndexPacks) in.fail();
  for (std::size_t i = 0; i < packs && in.ok(); ++i) index.packs.push_back(read_pack(in));
  TRY(in.finish("index"));
  return index;
}

Result<Bytes> seal_index(const seal::Keyring& keyring, const IndexObject& index) {
  ASSIGN_OR_RETURN(const Bytes plain, encode_index(index));
  return seal::seal_envelope(keyring, seal::SealedKind::kIndex, {}, plain);
}

Result<IndexObject> open_index(const seal::Keyring& keyring, ByteView sealed) {
  ASSIGN_OR_RETURN(const Bytes plain,
                   seal::open_envelope(keyring, seal::SealedKind::kIndex, {}, sealed));
  return parse_index(plain);
}

}  // namespace obhut::pack
