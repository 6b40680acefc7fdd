#include "agent/pack/pack_reader.h"

#include <algorithm>

#include "agent/base/codec.h"
#include "agent/crypto/digest.h"
#include "agent/pack/pack_format.h"

namespace obhut::pack {
namespace {

/// Most footers lie within the last 64 KiB, so that one read brings them with their trailer.
constexpr std::uint64_t kTail = 64U << 10U;
constexpr std::size_t kLeastPack =
    kPackHeaderSize + kFooterCount + crypto::kAeadTagSize + kPackTrailerSize;

std::unexpected<Error> corrupt(std::string_view what) {
  return fail(ErrorKind::kCorrupt, "pack: " + std::string(what));
}

bool good_lengths(const BlobEntry& blob) {
  if (blob.plain_length > model::kMaxBlobSize) return false;
  if (blob.sealed_length < crypto::kAeadTagSize) return false;
  const std::size_t body = blob.sealed_length - crypto::kAeadTagSize;
  return blob.codec == model::Codec::kRaw ? body == blob.plain_length : body < blob.plain_length;
}

struct Trailer {
  std::uint32_t blobs = 0;
  std::uint32_t footer = 0;
};

Result<Trailer> read_trailer(ByteView bytes) {
  if (bytes.size() < kPackTrailerSize) return corrupt("cut off before its trailer");
  Reader in(bytes.last(kPackTrailerSize));
  Trailer trailer;
  trailer.blobs = in.u32();
  trailer.footer = in.u32();
  if (as_text(in.raw(kTrailerMagic.size())) != kTrailerMagic) return corrupt("no trailer");
  if (trailer.blobs >= seal::kMaxPositions) return corrupt("too many blobs");
  if (trailer.footer < kFooterCount + kFooterEntry * trailer.blobs + crypto::kAeadTagSize ||
      trailer.footer > kMaxPackSize) {
    return corrupt("footer length out of range");
  }
  return trailer;
}

Result<void> open_footer(const seal::Keyring& keyring, PackInfo& info, const Trailer& trailer,
                         ByteView sealed) {
  ASSIGN_OR_RETURN(seal::ObjectCipher cipher, pack_cipher(keyring, info));
  Bytes plain(sealed.size() - crypto::kAeadTagSize);
  const seal::Place place{trailer.blobs, model::Codec::kRaw,
                          static_cast<std::uint32_t>(plain.size()), /*footer=*/true};
  if (Result<void> done = cipher.open(place, sealed, plain); !done) {
    return pass_on(std::move(done.error()), "pack: footer");
  }
  TRY(parse_pack_footer(plain, info.size - kPackTrailerSize - sealed.size(), info));
  if (info.blobs.size() != trailer.blobs) return corrupt("footer and trailer disagree");
  return {};
}

Result<PackInfo> read_named(const seal::Keyring& keyring, const Sha256& name, std::uint64_t size,
                            const FetchRange& fetch) {
  if (size < kLeastPack || size > kMaxPackSize) return corrupt("size out of range");
  const std::uint64_t tail_size = std::min(size, kTail);
  ASSIGN_OR_RETURN(Bytes tail, fetch({size - tail_size, tail_size}));
  if (tail.size() != tail_size) return corrupt("short read");
  ASSIGN_OR_RETURN(const Trailer trailer, read_trailer(tail));
  if (trailer.footer + kPackTrailerSize + kPackHeaderSize > size) {
    return corrupt("footer longer than the pack");
  }
  Bytes head_bytes;
  ByteView head(tail);
  if (tail_size < size) {
    ASSIGN_OR_RETURN(head_bytes, fetch({0, kPackHeaderSize}));
    head = head_bytes;
  }
  ASSIGN_OR_RETURN(const PackHeader header, parse_pack_header(head));
  if (header.vault != keyring.vault()) return corrupt("belongs to another vault");
  PackInfo info{name, size, header.kind, header.epoch, header.salt, header.commitment, {}};
  const std::uint64_t footer_at = size - kPackTrailerSize - trailer.footer;
  Bytes footer_bytes;
  ByteView footer;
  if (footer_at >= size - tail_size) {
    footer = ByteView(tail).subspan(footer_at - (size - tail_size), trailer.footer);
  } else {
    ASSIGN_OR_RETURN(footer_bytes, fetch({footer_at, trailer.footer}));
    if (footer_bytes.size() != trailer.footer) return corrupt("short read");
    footer = footer_bytes;
  }
  TRY(open_footer(keyring, info, trailer, footer));
  return info;
}

}  // namespace

Result<PackHeader> parse_pack_header(ByteView bytes) {
  if (bytes.size() < kPackHeaderSize) return corrupt("cut off in its header");
  Reader in(bytes.first(kPackHeaderSize));
  if (as_text(in.raw(kHeaderMagic.size())) != kHeaderMagic) return corrupt("no pack");
  if (in.u16() != kPackVersion) return corrupt("unknown version");
  PackHeader header;
  const std::uint8_t kind = in.u8();
  if (kind < 1 || kind > 2 || in.u8() != 0) return corrupt("unknown content kind");
  header.kind = static_cast<model::BlobKind>(kind);
  header.vault = in.id<VaultId>();
  header.epoch = in.u32();
  header.salt = in.id<seal::Salt>();
  header.commitment = in.id<seal::Commitment>();
  return header;
}

Result<std::uint32_t> parse_pack_trailer(ByteView bytes) {
  ASSIGN_OR_RETURN(const Trailer trailer, read_trailer(bytes));
  return trailer.footer;
}

Result<void> parse_pack_footer(ByteView plain, std::uint64_t footer_offset, PackInfo& info) {
  Reader in(plain);
  const std::uint32_t count = in.u32();
  if (!in.ok() || count > in.remaining() / kFooterEntry) return corrupt("footer cut off");
  info.blobs.clear();
  info.blobs.reserve(count);
  std::uint64_t offset = kPackHeaderSize;
  for (std::uint32_t i = 0; i < count; ++i) {
    BlobEntry blob;
    blob.id = in.id<BlobId>();
    const std::uint8_t codec = in.u8();
    blob.codec = static_cast<model::Codec>(codec);
    blob.offset = static_cast<std::uint32_t>(offset);
    blob.sealed_length = in.u32();
    blob.plain_length = in.u32();
    if (codec > 1 || !good_lengths(blob)) return corrupt("footer entry out of range");
    offset += blob.sealed_length;
    if (offset > footer_offset) return corrupt("blobs beyond the pack");
    info.blobs.push_back(blob);
  }
  if (offset != footer_offset) return corrupt("bytes that no blob owns");
  const ByteView padding = in.raw(in.remaining());
  if (std::ranges::any_of(padding, [](std::uint8_t b) { return b != 0; })) {
    return corrupt("padding holds something");
  }
  return {};
}

Result<PackInfo> read_pack_info(const seal::Keyring& keyring, const Sha256& name,
                                std::uint64_t size, const FetchRange& fetch) {
  Result<PackInfo> info = read_named(keyring, name, size, fetch);
  if (!info) return pass_on(std::move(info.error()), "pack " + name.text().substr(0, 16));
  return info;
}

Result<PackInfo> read_pack_info(const seal::Keyring& keyring, const Sha256& name, ByteView pack) {
  if (crypto::sha256(pack) != name) {
    return fail(ErrorKind::kCorrupt,
                "pack " + name.text().substr(0, 16) + ": its bytes have another hash");
  }
  return read_pack_info(keyring, name, pack.size(), [&](ByteRange range) -> Result<Bytes> {
    return to_bytes(pack.subspan(range.offset, range.length));
  });
}

Result<seal::ObjectCipher> pack_cipher(const seal::Keyring& keyring, const PackInfo& info) {
  ASSIGN_OR_RETURN(
      seal::ObjectCipher cipher,
      seal::ObjectCipher::derive(keyring, seal::sealed_kind(info.kind), info.epoch, info.salt));
  if (cipher.commitment() != info.commitment) {
    return fail(ErrorKind::kCrypto, "pack: sealed with another key");
  }
  return cipher;
}

Result<void> open_blob(const seal::Keyring& keyring, const PackInfo& info, std::uint32_t number,
                       const BlobEntry& entry, seal::ObjectCipher& cipher, seal::Opener& opener,
                       ByteView sealed, MutableByteView plain) {
  const std::string what = "blob " + std::to_string(number) + " of pack ";
  const seal::Place place{number, entry.codec, entry.plain_length};
  Result<void> opened = opener.open(cipher, place, sealed, plain);
  if (!opened) return pass_on(std::move(opened.error()), what + info.name.text().substr(0, 16));
  ASSIGN_OR_RETURN(const BlobId id, keyring.id_of(info.epoch, info.kind, plain));
  if (id != entry.id) {
    return fail(ErrorKind::kCorrupt,
                what + info.name.text().substr(0, 16) + ": its bytes are another blob's");
  }
  return {};
}

}  // namespace obhut::pack
