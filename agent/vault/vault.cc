#include "agent/vault/vault.h"

#include <algorithm>
#include <utility>

#include "agent/base/check.h"
#include "agent/base/text.h"
#include "agent/crypto/random.h"
#include "agent/pack/pack_reader.h"
#include "agent/seal/envelope.h"
#include "agent/seal/summary_seal.h"

namespace obhut::vault {
namespace {

using model::ObjectKind;
using store::ObjectInfo;
using store::ObjectName;

constexpr std::uint64_t kMaxKeyObject = 16U << 20U;
/// Each passphrase slot that a store made up costs half a second and 128 MiB.
constexpr unsigned kMaxSlotsTried = 16;

bool stops_everything(const Error& error) {
  const Disposition disposition = disposition_of(error.kind);
  return disposition == Disposition::kRetry || disposition == Disposition::kStopQuiet;
}

Result<void> refuse_used_store(store::Store& store, const std::stop_token& stop) {
  for (const ObjectKind kind : {ObjectKind::kHead, ObjectKind::kPack, ObjectKind::kIndex}) {
    ASSIGN_OR_RETURN(const std::vector<ObjectInfo> objects, store.list(kind, stop));
    if (!objects.empty()) {
      return fail(ErrorKind::kConflict, "vault: the store holds one already; open that");
    }
  }
  ASSIGN_OR_RETURN(const std::vector<ObjectInfo> keys, store.list(ObjectKind::kKey, stop));
  for (const ObjectInfo& key : keys) {
    ASSIGN_OR_RETURN(const Bytes bytes, store::get_whole(store, key.name, kMaxKeyObject, stop));
    // A signer without a slot is what a creation that was cut off left: nobody can open it.
    if (is_slot(bytes)) {
      return fail(ErrorKind::kConflict, "vault: the store holds one already; open that");
    }
  }
  return {};
}

Result<void> put_key(store::Store& store, ByteView bytes, const std::stop_token& stop) {
  Result<ObjectName> name = store::put_named(store, ObjectKind::kKey, bytes, stop);
  if (!name) return pass_on(std::move(name.error()), "vault: key object");
  return {};
}

/// The slot comes last: with it the vault begins to exist.
Result<void> put_beginnings(store::Store& store, const seal::Keyring& keyring, const Signer& signer,
                            const KeySource& source, Instant now, const crypto::ScryptCost& cost,
                            const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const Bytes signer_object, seal_signer(keyring, signer));
  ASSIGN_OR_RETURN(const Bytes slot, seal_slot(keyring, source, now, cost));
  TRY(put_key(store, signer_object, stop));
  return put_key(store, slot, stop);
}

}  // namespace

Vault::Vault(store::Store& store, seal::Keyring keyring)
    : store_(store), keyring_(std::move(keyring)) {}

Result<std::unique_ptr<Vault>> Vault::create_standalone(store::Store& store,
                                                        const KeySource& source, Clock& clock,
                                                        std::stop_token stop,
                                                        const crypto::ScryptCost& cost) {
  TRY(refuse_used_store(store, stop));
  seal::Keyring keyring = seal::Keyring::generate();
  const crypto::SigningKey key = crypto::SigningKey::generate();
  Signer signer{key.public_key(), crypto::random_id<DeviceId>(), clock.now(), key.seed().clone()};
  TRY(put_beginnings(store, keyring, signer, source, clock.now(), cost, stop));
  return open_with(store, std::move(keyring), stop);
}

Result<std::unique_ptr<Vault>> Vault::create_for_device(store::Store& store, seal::Keyring keyring,
                                                        const KeySource& source,
                                                        const DeviceId& device,
                                                        const crypto::SigningKey& key, Clock& clock,
                                                        std::stop_token stop) {
  TRY(refuse_used_store(store, stop));
  const Signer signer{key.public_key(), device, clock.now(), std::nullopt};
  TRY(put_beginnings(store, keyring, signer, source, clock.now(), {}, stop));
  return open_with(store, std::move(keyring), stop);
}

Result<std::unique_ptr<Vault>> Vault::open(store::Store& store, const KeySource& source,
                                           std::stop_token stop) {
  ASSIGN_OR_RETURN(const std::vector<ObjectInfo> objects, store.list(ObjectKind::kKey, stop));
  store::expect_all(store, objects);
  const SlotType type = slot_type_of(source);
  std::optional<seal::Keyring> keyring;
  unsigned slots = 0;
  unsigned tried = 0;
  for (const ObjectInfo& object : objects) {
    Result<Bytes> bytes = store::get_whole(store, object.name, kMaxKeyObject, stop);
    if (!bytes && stops_everything(bytes.error())) return std::unexpected(bytes.error());
    if (!bytes || !is_slot(*bytes)) continue;
    ++slots;
    const Result<SlotHeader> header = parse_slot(*bytes);
    if (!header || header->type != type || tried++ >= kMaxSlotsTried) continue;
    Result<seal::Keyring> opened = open_slot(*bytes, source);
    // Of several that open, the one with the most epochs is the newest.
    if (opened && (!keyring || opened->current() > keyring->current()))
      keyring = std::move(*opened);
  }
  if (slots == 0) {
    return fail(ErrorKind::kNotFound, "vault: the store holds no key slot, so no vault");
  }
  if (!keyring) {
    return fail(ErrorKind::kRefused,
                "vault: no " + std::string(to_string(type)) +
                    " slot opens with this key; check it, or use another slot");
  }
  return open_with(store, std::move(*keyring), stop);
}

Result<std::unique_ptr<Vault>> Vault::open_with(store::Store& store, seal::Keyring keyring,
                                                std::stop_token stop) {
  std::unique_ptr<Vault> vault(new Vault(store, std::move(keyring)));
  TRY(vault->read_key_objects(stop));
  return vault;
}

Result<void> Vault::read_key_objects(std::stop_token stop) {
  ASSIGN_OR_RETURN(const std::vector<ObjectInfo> objects, store_.list(ObjectKind::kKey, stop));
  store::expect_all(store_, objects);
  for (const ObjectInfo& object : objects) {
    Result<Bytes> bytes = store::get_whole(store_, object.name, kMaxKeyObject, stop);
    if (!bytes && stops_everything(bytes.error())) return std::unexpected(bytes.error());
    if (!bytes) {
      key_faults_.push_back({object.name.hash, std::move(bytes.error())});
      continue;
    }
    take_key_object(object.name.hash, *bytes);
  }
  return {};
}

void Vault::take_key_object(const Sha256& object, ByteView bytes) {
  if (is_slot(bytes)) {
    if (Result<SlotHeader> header = parse_slot(bytes); !header) {
      key_faults_.push_back({object, std::move(header.error())});
    }
    return;
  }
  Result<Signer> signer = open_signer(keyring_, bytes);
  if (signer) {
    signers_.push_back(std::move(*signer));
    return;
  }
  if (take_drop_list(object, bytes) || take_replacements(object, bytes)) return;
  key_faults_.push_back({object, std::move(signer.error())});
}

std::optional<Vault::Writer> Vault::standalone_writer() const {
  for (const Signer& signer : signers_) {
    if (!signer.seed) continue;
    Result<crypto::SigningKey> key = crypto::SigningKey::from_seed(signer.seed->view());
    if (key) return Writer{std::move(*key), signer.device};
  }
  return std::nullopt;
}

Result<std::vector<StoredSlot>> Vault::slots(std::stop_token stop) {
  ASSIGN_OR_RETURN(const std::vector<ObjectInfo> objects, store_.list(ObjectKind::kKey, stop));
  store::expect_all(store_, objects);
  std::vector<StoredSlot> slots;
  for (const ObjectInfo& object : objects) {
    Result<Bytes> bytes = store::get_whole(store_, object.name, kMaxKeyObject, stop);
    if (!bytes && stops_everything(bytes.error())) return std::unexpected(bytes.error());
    if (!bytes || !is_slot(*bytes)) continue;
    const Result<SlotHeader> header = parse_slot(*bytes);
    if (header && header->vault == id()) slots.push_back({object.name.hash, *header});
  }
  std::ranges::sort(slots, {}, [](const StoredSlot& slot) { return slot.header.created; });
  return slots;
}

Result<bool> Vault::opens_with(const KeySource& source, std::stop_token stop) {
  return opens_without(Sha256{}, source, stop);
}

Result<bool> Vault::opens_without(const Sha256& object, const KeySource& source,
                                  std::stop_token stop) {
  ASSIGN_OR_RETURN(const std::vector<StoredSlot> known, slots(stop));
  for (const StoredSlot& slot : known) {
    if (slot.object == object || slot.header.type != slot_type_of(source)) continue;
    const ObjectName name{ObjectKind::kKey, slot.object};
    ASSIGN_OR_RETURN(const Bytes bytes, store::get_whole(store_, name, kMaxKeyObject, stop));
    if (open_slot(bytes, source)) return true;
  }
  return false;
}

Result<void> Vault::remove_slot(store::Reaper& reaper, const Sha256& object, const KeySource& keeps,
                                std::stop_token stop) {
  ASSIGN_OR_RETURN(const bool another, opens_without(object, keeps, stop));
  if (!another) {
    return fail(ErrorKind::kRefused,
                "vault: this is the slot of the key given; open the vault with another key to "
                "remove it");
  }
  return reaper.remove({ObjectKind::kKey, object}, stop);
}

Result<StoredSlot> Vault::store_slot(ByteView slot, std::stop_token stop) {
  ASSIGN_OR_RETURN(const SlotHeader header, parse_slot(slot));
  Result<ObjectName> name = store::put_named(store_, ObjectKind::kKey, slot, stop);
  if (!name) return pass_on(std::move(name.error()), "vault: key slot");
  return StoredSlot{name->hash, header};
}

Result<StoredSlot> Vault::add_slot(const KeySource& source, Instant now, std::stop_token stop,
                                   const crypto::ScryptCost& cost) {
  ASSIGN_OR_RETURN(const Bytes slot, seal_slot(keyring_, source, now, cost));
  return store_slot(slot, stop);
}

Result<StoredSlot> Vault::add_escrow_slot(const crypto::ExchangeKeyId& partner, Instant now,
                                          std::stop_token stop) {
  ASSIGN_OR_RETURN(const Bytes slot, seal_escrow_slot(keyring_, partner, now));
  return store_slot(slot, stop);
}

Result<void> Vault::add_signer(const Signer& signer, std::stop_token stop) {
  ASSIGN_OR_RETURN(const Bytes sealed, seal_signer(keyring_, signer));
  TRY(put_key(store_, sealed, stop));
  ASSIGN_OR_RETURN(Signer again, open_signer(keyring_, sealed));
  signers_.push_back(std::move(again));
  return {};
}

Result<HeadChain> Vault::heads(std::stop_token stop) {
  ASSIGN_OR_RETURN(const std::vector<ObjectInfo> objects, store_.list(ObjectKind::kHead, stop));
  std::vector<Point> points;
  std::vector<ChainFault> faults;
  for (const ObjectInfo& object : objects) {
    const Result<Bytes> bytes = store::get_whole(store_, object.name, model::kMaxHeadSize, stop);
    Result<Point> point = bytes ? open_point(object.name.hash, *bytes)
                                : Result<Point>(std::unexpected(bytes.error()));
    if (point) {
      point->dropped = is_dropped(point->id);
      points.push_back(std::move(*point));
      continue;
    }
    if (stops_everything(point.error())) return std::unexpected(std::move(point.error()));
    const bool forged = point.error().kind == ErrorKind::kCrypto;
    faults.push_back({forged ? ChainFault::Kind::kForged : ChainFault::Kind::kUnreadable,
                      object.name.hash, object.name.text() + ": " + point.error().message});
  }
  HeadChain chain = link_heads(std::move(points));
  chain.faults.insert(chain.faults.begin(), faults.begin(), faults.end());
  return chain;
}

Result<Point> Vault::open_point(const Sha256& head, ByteView bytes) const {
  std::vector<SigningKeyId> allowed;
  allowed.reserve(signers_.size());
  for (const Signer& signer : signers_) allowed.push_back(signer.key);
  ASSIGN_OR_RETURN(model::Head opened, model::open_head(bytes, allowed));
  if (opened.vault != id()) return fail(ErrorKind::kCrypto, "head: belongs to another vault");
  const bool own = std::ranges::any_of(signers_, [&](const Signer& signer) {
    return signer.key == opened.signer && signer.device == opened.device;
  });
  if (!own) return fail(ErrorKind::kCrypto, "head: signed for another device");
  return Point{head, bytes.size(), std::move(opened), false};
}

Result<model::Summary> Vault::summary(const Point& point) const {
  return seal::open_summary(keyring_, point.head);
}

Result<Point> Vault::commit(const Writer& writer, const HeadChain& chain, const HeadDraft& draft,
                            std::stop_token stop) {
  const Point* tip = chain.tip();
  model::Head head;
  head.vault = id();
  head.device = writer.device;
  head.signer = writer.key.public_key();
  head.sequence = tip != nullptr ? tip->head.sequence + 1 : 1;
  if (tip != nullptr) head.previous = tip->id;
  head.created = draft.created;
  head.plan = draft.plan;
  const model::ReferenceSet* before = nullptr;
  ReferenceWalk walk(chain);
  if (tip != nullptr) {
    // A tip that cannot be resolved is followed by a full head.
    if (Result<const model::ReferenceSet*> known = walk.at(*tip)) before = *known;
  }
  model::set_references(head, draft.references, before);
  TRY(seal::seal_summary(keyring_, draft.summary, head));
  ASSIGN_OR_RETURN(const Bytes bytes, model::encode_head(head, writer.key));
  Result<ObjectName> name = store::put_named(store_, ObjectKind::kHead, bytes, stop);
  if (!name) return pass_on(std::move(name.error()), "commit the recovery point");
  return Point{name->hash, bytes.size(), std::move(head), false};
}

Result<Adopted> adopt_packs(store::Store& store, const seal::Keyring& keyring,
                            std::span<const ObjectInfo> packs, std::stop_token stop) {
  Adopted adopted;
  for (const ObjectInfo& pack : packs) {
    Result<pack::PackInfo> info =
        pack::read_pack_info(keyring, pack.name.hash, pack.size,
                             [&](ByteRange range) { return store.get(pack.name, range, stop); });
    if (info) {
      adopted.packs.push_back(std::move(*info));
    } else if (stops_everything(info.error())) {
      return std::unexpected(std::move(info.error()));
    } else {
      adopted.unreadable.push_back({pack, std::move(info.error())});
    }
  }
  return adopted;
}

}  // namespace obhut::vault
