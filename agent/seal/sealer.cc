#include "agent/seal/sealer.h"

#include "agent/base/check.h"
#include "agent/seal/entropy.h"

namespace obhut::seal {
namespace {

constexpr std::size_t kRoom = model::kMaxBlobSize + crypto::kAeadTagSize;
/// A frame's own header eats what shorter blobs would save.
constexpr std::size_t kLeastToCompress = 32;

/// Not zero-filled: memory that no blob ever needs is never touched.
std::unique_ptr<std::uint8_t[]> room() {
  return std::make_unique_for_overwrite<std::uint8_t[]>(kRoom);
}

}  // namespace

Sealer::Sealer(const Keyring& keyring, Effort effort)
    : keyring_(keyring),
      keys_(keyring.keys()),
      compressor_(effort),
      frame_(room()),
      expanded_(room()) {}

BlobId Sealer::id_of(model::BlobKind kind, ByteView plain) const {
  return seal::id_of(keys_, kind, plain);
}

Result<SealedBody> Sealer::seal(ObjectCipher& cipher, std::uint32_t position, ByteView plain,
                                MutableByteView out) {
  CHECK(plain.size() <= model::kMaxBlobSize && out.size() >= sealed_bound(plain.size()));
  ByteView body = plain;
  Place place{position, model::Codec::kRaw, static_cast<std::uint32_t>(plain.size())};
  if (plain.size() >= kLeastToCompress && looks_compressible(plain)) {
    const std::size_t length = compressor_.compress(plain, {frame_.get(), kRoom});
    if (length > 0) {
      body = {frame_.get(), length};
      place.codec = model::Codec::kZstd;
    }
  }
  const MutableByteView sealed = out.first(sealed_bound(body.size()));
  cipher.seal(place, body, sealed);
  TRY(verify(cipher, place, {plain, body, sealed}));
  return SealedBody{place.codec, static_cast<std::uint32_t>(sealed.size())};
}

Result<void> Sealer::verify(ObjectCipher& cipher, const Place& place, const Forms& forms) {
  bool same = cipher.opens_to(place, forms.sealed, forms.body);
  // What it opens to is the frame itself: from that one on.
  if (same && place.codec == model::Codec::kZstd) {
    const MutableByteView out(expanded_.get(), forms.plain.size());
    same = compressor_.expand(forms.body, out) && equal(out, forms.plain);
  }
  if (same) return {};
  return fail(ErrorKind::kCrypto,
              "seal: what was sealed does not open to the same bytes; test this machine's memory");
}

Opener::Opener() : body_(0) {}

Result<void> Opener::open(ObjectCipher& cipher, const Place& place, ByteView sealed,
                          MutableByteView out) {
  if (sealed.size() < crypto::kAeadTagSize || sealed.size() > kRoom) {
    return fail(ErrorKind::kCorrupt, "blob: length out of range");
  }
  CHECK(out.size() == place.plain_length);
  const std::size_t length = sealed.size() - crypto::kAeadTagSize;
  if (place.codec == model::Codec::kRaw) {
    if (length != out.size()) return fail(ErrorKind::kCorrupt, "blob: lengths do not agree");
    return cipher.open(place, sealed, out);
  }
  if (body_.size() < length) body_.resize(length);
  const MutableByteView body(body_.data(), length);
  TRY(cipher.open(place, sealed, body));
  return compressor_.expand(body, out);
}

}  // namespace obhut::seal
