#include "agent/seal/keyring.h"

#include <string>

#include "agent/base/check.h"
#include "agent/crypto/digest.h"
#include "agent/crypto/kdf.h"
#include "agent/crypto/random.h"

namespace obhut::seal {
namespace {

constexpr std::size_t kGearSize = 128;

EpochKeys derive(const VaultId& vault, const crypto::SecretBytes& root) {
  const auto key = [&](std::string_view purpose, std::size_t length = 32) {
    const std::string info = "obhut/1/" + std::string(purpose);
    return crypto::hkdf_sha256(root.view(), vault.bytes(), as_bytes(info), length);
  };
  return {key("chunk-id"), key("node-id"), key("data"),  key("index"),
          key("head"),     key("signer"),  key("cache"), key("gear", kGearSize)};
}

crypto::SecretBytes random_root() {
  crypto::SecretBytes root(kRootSize);
  crypto::fill_random(root.writable());
  return root;
}

}  // namespace

Keyring::Keyring(const VaultId& vault, std::map<Epoch, crypto::SecretBytes> roots)
    : vault_(vault), roots_(std::move(roots)) {
  for (const auto& [epoch, root] : roots_) derived_.emplace(epoch, derive(vault_, root));
}

Keyring Keyring::generate() {
  std::map<Epoch, crypto::SecretBytes> roots;
  roots.emplace(1, random_root());
  return {crypto::random_id<VaultId>(), std::move(roots)};
}

Result<Keyring> Keyring::from_roots(const VaultId& vault,
                                    std::map<Epoch, crypto::SecretBytes> roots) {
  if (roots.empty() || roots.size() > kMaxEpochs) {
    return fail(ErrorKind::kInvalidInput, "keyring: 1 to 1024 epochs");
  }
  Epoch expected = 1;
  for (const auto& [epoch, root] : roots) {
    if (epoch != expected++ || root.size() != kRootSize) {
      return fail(ErrorKind::kInvalidInput, "keyring: epochs with gaps or roots of a wrong size");
    }
  }
  return Keyring(vault, std::move(roots));
}

Result<const EpochKeys*> Keyring::keys_of(Epoch epoch) const {
  const auto at = derived_.find(epoch);
  if (at == derived_.end()) {
    return fail(ErrorKind::kCrypto,
                "keyring: no key of epoch " + std::to_string(epoch) + "; open with a newer slot");
  }
  return &at->second;
}

Result<BlobId> Keyring::id_of(Epoch epoch, model::BlobKind kind, ByteView plain) const {
  ASSIGN_OR_RETURN(const EpochKeys* const keys, keys_of(epoch));
  return seal::id_of(*keys, kind, plain);
}

void Keyring::begin_epoch() {
  CHECK(roots_.size() < kMaxEpochs);
  const Epoch next = current() + 1;
  const auto at = roots_.emplace(next, random_root()).first;
  derived_.emplace(next, derive(vault_, at->second));
}

Keyring Keyring::clone() const {
  std::map<Epoch, crypto::SecretBytes> roots;
  for (const auto& [epoch, root] : roots_) roots.emplace(epoch, root.clone());
  return {vault_, std::move(roots)};
}

BlobId id_of(const EpochKeys& keys, model::BlobKind kind, ByteView plain) {
  const crypto::SecretBytes& key = kind == model::BlobKind::kNodes ? keys.node_id : keys.chunk_id;
  return crypto::keyed_blake3(key.view(), plain);
}

}  // namespace obhut::seal
