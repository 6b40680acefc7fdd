#include "agent/pack/pack_writer.h"

#include <algorithm>

#include "agent/base/check.h"
#include "agent/base/codec.h"
#include "agent/crypto/digest.h"
#include "agent/crypto/random.h"
#include "agent/pack/pack_format.h"

namespace obhut::pack {
namespace {

/// Header apart, what a pack of so many blobs needs beside them.
constexpr std::size_t overhead(std::size_t blobs) {
  return kFooterCount + kFooterEntry * blobs + crypto::kAeadTagSize + kPackTrailerSize;
}

/// Sizes of packs say little about sizes of files when they come in steps.
constexpr std::size_t padded(std::size_t size) {
  const std::size_t step = size <= 1U << 20U ? 4U << 10U : 64U << 10U;
  return (size + step - 1) / step * step;
}

Bytes footer_of(const PackInfo& info, std::size_t padding) {
  Writer out;
  out.u32(static_cast<std::uint32_t>(info.blobs.size()));
  for (const BlobEntry& blob : info.blobs) {
    out.id(blob.id);
    out.u8(static_cast<std::uint8_t>(blob.codec));
    out.u32(blob.sealed_length);
    out.u32(blob.plain_length);
  }
  Bytes bytes = std::move(out).take();
  bytes.resize(bytes.size() + padding);
  return bytes;
}

}  // namespace

PackWriter::PackWriter(seal::Sealer& sealer, model::BlobKind kind) : sealer_(sealer), kind_(kind) {}

void PackWriter::begin(const seal::Salt& salt) {
  if (buffer_.all().empty()) buffer_ = PackBuffer();
  const seal::Keyring& keyring = sealer_.keyring();
  info_ = PackInfo{};
  info_.kind = kind_;
  info_.epoch = keyring.current();
  info_.salt = salt;
  Result<seal::ObjectCipher> cipher =
      seal::ObjectCipher::derive(keyring, seal::sealed_kind(kind_), info_.epoch, salt);
  CHECK(cipher.has_value());  // a ring has its own current epoch
  info_.commitment = cipher->commitment();
  cipher_.emplace(std::move(*cipher));
  Writer header;
  header.raw(as_bytes(kHeaderMagic));
  header.u16(kPackVersion);
  header.u8(static_cast<std::uint8_t>(kind_));
  header.u8(0);
  header.id(keyring.vault());
  header.u32(info_.epoch);
  header.id(info_.salt);
  header.id(info_.commitment);
  CHECK(header.size() == kPackHeaderSize);
  std::ranges::copy(header.bytes(), buffer_.all().begin());
  filled_ = kPackHeaderSize;
}

void PackWriter::use_salt_for_tests(const seal::Salt& salt) {
  CHECK(empty());
  begin(salt);
}

bool PackWriter::fits(std::size_t plain_length) const {
  const std::size_t blobs = info_.blobs.size() + 1;
  const std::size_t filled = std::max(filled_, kPackHeaderSize);
  return blobs < seal::kMaxPositions &&
         filled + seal::sealed_bound(plain_length) + overhead(blobs) <= kPackTarget;
}

Result<void> PackWriter::add(const BlobId& id, ByteView plain) {
  CHECK(plain.size() <= model::kMaxBlobSize && fits(plain.size()));
  if (filled_ == 0) begin(crypto::random_id<seal::Salt>());
  const auto position = static_cast<std::uint32_t>(info_.blobs.size());
  const MutableByteView room = buffer_.all().subspan(filled_, seal::sealed_bound(plain.size()));
  ASSIGN_OR_RETURN(const seal::SealedBody sealed, sealer_.seal(*cipher_, position, plain, room));
  info_.blobs.push_back({id, sealed.codec, static_cast<std::uint32_t>(filled_),
                         sealed.sealed_length, static_cast<std::uint32_t>(plain.size())});
  filled_ += sealed.sealed_length;
  return {};
}

Result<FinishedPack> PackWriter::finish() {
  CHECK(!empty());
  const auto blobs = static_cast<std::uint32_t>(info_.blobs.size());
  const std::size_t size = filled_ + overhead(blobs);
  const Bytes footer = footer_of(info_, padded(size) - size);
  const seal::Place place{blobs, model::Codec::kRaw, static_cast<std::uint32_t>(footer.size()),
                          /*footer=*/true};
  const MutableByteView sealed =
      buffer_.all().subspan(filled_, footer.size() + crypto::kAeadTagSize);
  cipher_->seal(place, footer, sealed);
  Bytes again(footer.size());
  TRY(cipher_->open(place, sealed, again));
  if (again != footer) return fail(ErrorKind::kCrypto, "pack: footer does not open to itself");
  Writer trailer;
  trailer.u32(blobs);
  trailer.u32(static_cast<std::uint32_t>(sealed.size()));
  trailer.raw(as_bytes(kTrailerMagic));
  std::ranges::copy(trailer.bytes(),
                    buffer_.all().begin() + static_cast<std::ptrdiff_t>(filled_ + sealed.size()));
  info_.size = filled_ + sealed.size() + trailer.size();
  FinishedPack pack{std::move(info_), std::move(buffer_)};
  pack.info.name = crypto::sha256(pack.bytes());
  info_ = PackInfo{};
  filled_ = 0;
  return pack;
}

void PackWriter::reuse(PackBuffer buffer) {
  CHECK(filled_ == 0);
  if (!buffer.all().empty()) buffer_ = std::move(buffer);
}

}  // namespace obhut::pack
