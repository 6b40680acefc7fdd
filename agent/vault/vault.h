#pragma once
// A vault: one device's backups in one store, opened with one of its keys.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/crypto/signing.h"
#include "agent/model/head.h"
#include "agent/model/summary.h"
#include "agent/seal/keyring.h"
#include "agent/store/reaper.h"
#include "agent/store/store.h"
#include "agent/vault/head_chain.h"
#include "agent/vault/index_cache.h"
#include "agent/vault/key_slot.h"
#include "agent/vault/replacements.h"
#include "agent/vault/signer.h"

namespace obhut::vault {

/// A way in that the store holds.
struct StoredSlot {
  Sha256 object;
  SlotHeader header;
};

/// Thread: one at a time; keyring() may be shared.
class Vault {
 public:
  /// A new vault in an empty store: a slot for `source`, and a signer with its seed inside, so that
  /// whoever opens the vault can write to it. For a vault of its own (`obhut vault init`, local
  /// targets). Errors: kConflict where the store holds a vault already; those of Store::put.
  static Result<std::unique_ptr<Vault>> create_standalone(store::Store& store,
                                                          const KeySource& source, Clock& clock,
                                                          std::stop_token stop,
                                                          const crypto::ScryptCost& cost = {});

  /// A new vault of an enrolled device, which keeps its signing key itself.
  static Result<std::unique_ptr<Vault>> create_for_device(
      store::Store& store, seal::Keyring keyring, const KeySource& source, const DeviceId& device,
      const crypto::SigningKey& key, Clock& clock, std::stop_token stop);

  /// Tries every slot of the source's type. Errors: kNotFound where the store holds no slot at all;
  /// kRefused where none opens with `source`; those of the store.
  static Result<std::unique_ptr<Vault>> open(store::Store& store, const KeySource& source,
                                             std::stop_token stop);
  /// With keys that the caller holds already. Signer objects are read from the store.
  static Result<std::unique_ptr<Vault>> open_with(store::Store& store, seal::Keyring keyring,
                                                  std::stop_token stop);

  [[nodiscard]] const VaultId& id() const { return keyring_.vault(); }
  [[nodiscard]] const seal::Keyring& keyring() const { return keyring_; }
  [[nodiscard]] store::Store& store() { return store_; }
  [[nodiscard]] const std::vector<Signer>& signers() const { return signers_; }
  /// The key that signs a standalone vault's heads, and its device id; nothing elsewhere.
  struct Writer {
    crypto::SigningKey key;
    DeviceId device;
  };
  [[nodiscard]] std::optional<Writer> standalone_writer() const;

  /// Key objects that could not be read as slot, signer or drop list of this vault, and why:
  /// damage, or what a store made up. Found when the vault was opened.
  struct KeyFault {
    Sha256 object;
    Error error;
  };
  [[nodiscard]] const std::vector<KeyFault>& key_faults() const { return key_faults_; }

  /// Key slots, unproven: what they say counts only once one was opened. Malformed ones are left
  /// out. Errors: those of the store.
  Result<std::vector<StoredSlot>> slots(std::stop_token stop);
  /// Whether one of its slots opens with `source`. Errors: those of the store.
  Result<bool> opens_with(const KeySource& source, std::stop_token stop);
  /// Returns the new slot's object. Errors: those of seal_slot and Store::put.
  Result<StoredSlot> add_slot(const KeySource& source, Instant now, std::stop_token stop,
                              const crypto::ScryptCost& cost = {});
  Result<StoredSlot> add_escrow_slot(const crypto::ExchangeKeyId& partner, Instant now,
                                     std::stop_token stop);
  /// Takes a way in away, for good. `keeps` must open another slot: the last way in is not removed.
  /// The keys of the vault stay what they are: whoever opened it before may have kept them.
  /// Errors: kRefused; those of the store.
  Result<void> remove_slot(store::Reaper& reaper, const Sha256& object, const KeySource& keeps,
                           std::stop_token stop);
  Result<void> add_signer(const Signer& signer, std::stop_token stop);

  /// Reads and verifies every head. Errors: those of the store for retrying kinds and kCancelled; a
  /// damaged or forged head is a fault of the chain instead.
  Result<HeadChain> heads(std::stop_token stop);
  /// A head as it came from anywhere: signed by a signer of this vault, for this vault and for that
  /// signer's device. Errors: kCrypto, kCorrupt.
  [[nodiscard]] Result<Point> open_point(const Sha256& head, ByteView bytes) const;
  /// Opens the summary of a point. Errors: kCorrupt, kCrypto.
  [[nodiscard]] Result<model::Summary> summary(const Point& point) const;

  /// Signs and puts the head that follows `tip` (nothing: the first). Fills vault, device, signer,
  /// sequence and previous; `draft` brings the rest. Out: the point as it now is in the store.
  /// Errors: those of encode_head and Store::put.
  struct HeadDraft {
    Instant created{};
    Sha256 plan;
    model::Summary summary;
    model::ReferenceSet references;  ///< all that the point needs
  };
  Result<Point> commit(const Writer& writer, const HeadChain& chain, const HeadDraft& draft,
                       std::stop_token stop);

  /// Remembers durably, in the store, that these points were pruned; heads() marks them.
  Result<void> mark_dropped(std::span<const Sha256> heads, std::stop_token stop);
  /// Packs and index objects that were replaced by others. Empty where a cluster holds the vault.
  [[nodiscard]] const Replacements& replacements() const { return replacements_; }
  /// Remembers durably, in the store, that objects were replaced. What replaces them is durable.
  Result<void> add_replacements(std::vector<Replacement> replacements, std::stop_token stop);
  /// Writes one list of what is still of use in place of all: of objects in `named`, the
  /// references of the kept heads, and of what these are replaced by. Crash-safe at every step.
  Result<void> sweep_replacements(store::Reaper& reaper, const model::ReferenceSet& named,
                                  std::stop_token stop);

  [[nodiscard]] bool is_dropped(const Sha256& head) const;
  /// Removes what marks and heads nothing needs any more: dropped heads, readable or not, that no
  /// kept head resolves through, then older drop lists that a newer one covers. Crash-safe at every
  /// step.
  Result<std::size_t> sweep_heads(store::Reaper& reaper, std::stop_token stop);

 private:
  Vault(store::Store& store, seal::Keyring keyring);
  Result<void> read_key_objects(std::stop_token stop);
  void take_key_object(const Sha256& object, ByteView bytes);
  /// Whether a slot other than `object` opens with `source`.
  Result<bool> opens_without(const Sha256& object, const KeySource& source, std::stop_token stop);
  Result<StoredSlot> store_slot(ByteView slot, std::stop_token stop);
  bool take_drop_list(const Sha256& object, ByteView bytes);
  bool take_replacements(const Sha256& object, ByteView bytes);
  Result<void> put_drop_list(std::stop_token stop);
  store::Store& store_;
  seal::Keyring keyring_;
  std::vector<Signer> signers_;
  std::vector<Sha256> dropped_;
  std::vector<store::ObjectName> drop_lists_;
  Replacements replacements_;
  std::vector<store::ObjectName> replacement_lists_;
  std::vector<KeyFault> key_faults_;
};

/// Packs in the store that no index object names: a run that was cut off left them. Reading their
/// footers is what makes its work count.
struct Adopted {
  std::vector<pack::PackInfo> packs;
  struct Unreadable {
    store::ObjectInfo pack;
    Error error;
  };
  std::vector<Unreadable> unreadable;  ///< damaged, or of an epoch that this keyring lacks
};
/// In: packs that no index object names. Errors: those of the store for retrying kinds, kCancelled.
Result<Adopted> adopt_packs(store::Store& store, const seal::Keyring& keyring,
                            std::span<const store::ObjectInfo> packs, std::stop_token stop);

}  // namespace obhut::vault
