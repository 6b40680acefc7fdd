#include "agent/vault/index_record.h"

#include <algorithm>

#include "agent/base/codec.h"

namespace obhut::vault {
namespace {

constexpr std::uint32_t kZstdBit = 1U << 31U;

std::uint32_t load_u32(const std::uint8_t* in) {
  return static_cast<std::uint32_t>(in[0]) | static_cast<std::uint32_t>(in[1]) << 8U |
         static_cast<std::uint32_t>(in[2]) << 16U | static_cast<std::uint32_t>(in[3]) << 24U;
}
void store_u32(std::uint8_t* out, std::uint32_t value) {
  for (unsigned i = 0; i < 4; ++i) out[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

}  // namespace

IndexRecord IndexRecord::of(const pack::BlobEntry& blob, std::uint32_t pack, std::uint32_t number) {
  return {blob.id, pack, number, blob.codec, blob.offset, blob.sealed_length, blob.plain_length};
}

pack::BlobEntry IndexRecord::entry() const {
  return {id, codec, offset, sealed_length, plain_length};
}

void IndexRecord::write(std::uint8_t* out) const {
  std::ranges::copy(id.bytes(), out);
  store_u32(out + 32, pack);
  store_u32(out + 36, number | (codec == model::Codec::kZstd ? kZstdBit : 0));
  store_u32(out + 40, offset);
  store_u32(out + 44, sealed_length);
  store_u32(out + 48, plain_length);
}

IndexRecord IndexRecord::read(const std::uint8_t* in) {
  IndexRecord record;
  record.id = *BlobId::from_bytes({in, BlobId::kSize});
  record.pack = load_u32(in + 32);
  const std::uint32_t number = load_u32(in + 36);
  record.number = number & ~kZstdBit;
  record.codec = (number & kZstdBit) != 0 ? model::Codec::kZstd : model::Codec::kRaw;
  record.offset = load_u32(in + 40);
  record.sealed_length = load_u32(in + 44);
  record.plain_length = load_u32(in + 48);
  return record;
}

void write_pack_record(Bytes& out, const pack::PackInfo& pack) {
  Writer writer;
  writer.id(pack.name);
  writer.u64(pack.size);
  writer.u8(static_cast<std::uint8_t>(pack.kind));
  writer.u32(pack.epoch);
  writer.id(pack.salt);
  writer.id(pack.commitment);
  out.insert(out.end(), writer.bytes().begin(), writer.bytes().end());
}

pack::PackInfo read_pack_record(ByteView in) {
  Reader reader(in);
  pack::PackInfo pack;
  pack.name = reader.id<Sha256>();
  pack.size = reader.u64();
  pack.kind = static_cast<model::BlobKind>(reader.u8());
  pack.epoch = reader.u32();
  pack.salt = reader.id<seal::Salt>();
  pack.commitment = reader.id<seal::Commitment>();
  return pack;
}

}  // namespace obhut::vault
