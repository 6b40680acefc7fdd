#include "agent/seal/object_cipher.h"

#include <algorithm>
#include <string_view>

#include "agent/base/check.h"
#include "agent/base/codec.h"
#include "agent/crypto/kdf.h"

namespace obhut::seal {
namespace {

constexpr std::string_view kMagic = "OBHUTAD1";
constexpr std::uint8_t kVersion = 1;

struct Purpose {
  std::string_view label;
  const crypto::SecretBytes& key;
};

Purpose purpose_of(SealedKind kind, const EpochKeys& keys) {
  switch (kind) {
    case SealedKind::kDataPack:
    case SealedKind::kNodePack:
      return {"pack", keys.data};
    case SealedKind::kIndex:
      return {"index", keys.index};
    case SealedKind::kSummary:
      return {"summary", keys.head};
    case SealedKind::kSigner:
      return {"signer", keys.signer};
    case SealedKind::kDropped:
      return {"dropped", keys.signer};
    case SealedKind::kReplaced:
      return {"replaced", keys.signer};
  }
  check_failed("sealed kind", std::source_location::current());
}

std::array<std::uint8_t, crypto::kAeadNonceSize> nonce_of(std::uint32_t position) {
  std::array<std::uint8_t, crypto::kAeadNonceSize> nonce{};
  for (std::size_t i = 0; i < 4; ++i) nonce[8 + i] = static_cast<std::uint8_t>(position >> (8 * i));
  return nonce;
}

void put_u32(std::uint8_t* at, std::uint32_t value) {
  for (unsigned i = 0; i < 4; ++i) at[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

}  // namespace

SealedKind sealed_kind(model::BlobKind kind) {
  return kind == model::BlobKind::kNodes ? SealedKind::kNodePack : SealedKind::kDataPack;
}

Result<ObjectCipher> ObjectCipher::derive(const Keyring& keyring, SealedKind kind, Epoch epoch,
                                          const Salt& salt, ByteView context) {
  ASSIGN_OR_RETURN(const EpochKeys* const keys, keyring.keys_of(epoch));
  const Purpose purpose = purpose_of(kind, *keys);
  Writer info;
  info.raw(as_bytes(purpose.label));
  info.id(keyring.vault());
  info.u32(epoch);
  info.raw(context);
  const crypto::SecretBytes both =
      crypto::hkdf_sha256(purpose.key.view(), salt.bytes(), info.bytes(), 64);
  return ObjectCipher(both.view().first(32), *Commitment::from_bytes(both.view().subspan(32)),
                      keyring.vault(), kind, epoch, salt);
}

ObjectCipher::ObjectCipher(ByteView key, const Commitment& commitment, const VaultId& vault,
                           SealedKind kind, Epoch epoch, const Salt& salt)
    : aead_(key), commitment_(commitment), epoch_(epoch) {
  std::uint8_t* at = template_.data();
  at = std::ranges::copy(as_bytes(kMagic), at).out;
  *at++ = kVersion;
  *at++ = 0;
  *at++ = static_cast<std::uint8_t>(kind);
  *at++ = 0;  // footer
  at = std::ranges::copy(vault.bytes(), at).out;
  put_u32(at, epoch);
  std::ranges::copy(salt.bytes(), at + 4);
}

ObjectCipher::Associated ObjectCipher::associated(const Place& place) const {
  Associated bytes = template_;
  bytes[11] = place.footer ? 1 : 0;
  put_u32(&bytes[64], place.position);
  bytes[68] = static_cast<std::uint8_t>(place.codec);
  put_u32(&bytes[72], place.plain_length);
  return bytes;
}

void ObjectCipher::seal(const Place& place, ByteView body, MutableByteView out) {
  CHECK(place.position < kMaxPositions);
  aead_.seal(nonce_of(place.position), associated(place), body, out);
}

Result<void> ObjectCipher::open(const Place& place, ByteView sealed, MutableByteView out) {
  if (place.position >= kMaxPositions) return fail(ErrorKind::kCorrupt, "position out of range");
  return aead_.open(nonce_of(place.position), associated(place), sealed, out);
}

bool ObjectCipher::opens_to(const Place& place, ByteView sealed, ByteView body) {
  return aead_.opens_to(nonce_of(place.position), associated(place), sealed, body);
}

}  // namespace obhut::seal
