#pragma once
// All keys of one vault. Hierarchy: FORMAT.md section 1.

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "agent/base/bytes.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/crypto/secret.h"
#include "agent/model/blob.h"

namespace obhut::seal {

/// The number of a root key, from 1. A vault begins a new epoch when a device was lost.
using Epoch = std::uint32_t;
inline constexpr std::size_t kRootSize = 32;
inline constexpr std::size_t kMaxEpochs = 1024;

/// The sub-keys of one root, each for one purpose.
struct EpochKeys {
  crypto::SecretBytes chunk_id;
  crypto::SecretBytes node_id;
  crypto::SecretBytes data;
  crypto::SecretBytes index;
  crypto::SecretBytes head;
  crypto::SecretBytes signer;
  crypto::SecretBytes cache;  ///< authenticates local cache files
  crypto::SecretBytes gear;   ///< 128 bytes: chunk::GearTable::from_key
};

/// Thread: any, once built; begin_epoch() alone needs the caller's exclusion.
class Keyring {
 public:
  /// A new vault: random id, random root, epoch 1.
  static Keyring generate();
  /// In: roots by epoch, from 1 without a gap. Errors: kInvalidInput.
  static Result<Keyring> from_roots(const VaultId& vault,
                                    std::map<Epoch, crypto::SecretBytes> roots);

  [[nodiscard]] const VaultId& vault() const { return vault_; }
  [[nodiscard]] Epoch current() const { return roots_.rbegin()->first; }
  [[nodiscard]] const EpochKeys& keys() const { return derived_.rbegin()->second; }
  /// Errors: kCrypto for an epoch that this ring does not have.
  [[nodiscard]] Result<const EpochKeys*> keys_of(Epoch epoch) const;
  [[nodiscard]] const std::map<Epoch, crypto::SecretBytes>& roots() const { return roots_; }

  /// The id of plain bytes in an epoch. Errors: kCrypto for an unknown epoch.
  [[nodiscard]] Result<BlobId> id_of(Epoch epoch, model::BlobKind kind, ByteView plain) const;

  /// A new random root; the caller must re-seal every key slot before anything is sealed with it.
  void begin_epoch();
  [[nodiscard]] Keyring clone() const;

 private:
  Keyring(const VaultId& vault, std::map<Epoch, crypto::SecretBytes> roots);
  VaultId vault_;
  std::map<Epoch, crypto::SecretBytes> roots_;
  std::map<Epoch, EpochKeys> derived_;
};

/// Id of plain bytes under one epoch's keys. The hot path: allocates nothing.
BlobId id_of(const EpochKeys& keys, model::BlobKind kind, ByteView plain);

}  // namespace obhut::seal
