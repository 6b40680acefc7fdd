#include "service/endpoint/vault_keeper.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "agent/base/codec.h"
#include "agent/base/text.h"
#include "agent/crypto/digest.h"
#include "agent/crypto/random.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "service/endpoint/json_fields.h"

namespace obhut::endpoint {

namespace {

constexpr const char* kRecord = "vault.json";
constexpr const char* kKeyring = "vault.keyring";
constexpr const char* kMachine = "machine.secret";
constexpr const char* kRecovery = "recovery.key";
constexpr std::size_t kMaxKeyFile = 4096;

Bytes encode_keyring(const seal::Keyring& keyring) {
  Writer writer;
  writer.id(keyring.vault());
  writer.varint(keyring.roots().size());
  for (const auto& [epoch, root] : keyring.roots()) {
    writer.u32(epoch);
    writer.raw(root.view());
  }
  return std::move(writer).take();
}

Result<seal::Keyring> decode_keyring(ByteView bytes) {
  Reader reader(bytes);
  const auto vault = reader.id<VaultId>();
  std::map<seal::Epoch, crypto::SecretBytes> roots;
  for (std::size_t left = reader.count(4 + seal::kRootSize); left > 0; --left) {
    const seal::Epoch epoch = reader.u32();
    roots.emplace(epoch, crypto::SecretBytes(reader.raw(seal::kRootSize)));
  }
  TRY(reader.finish("keyring of the vault"));
  return seal::Keyring::from_roots(vault, std::move(roots));
}

bool has_escrow(const std::vector<vault::StoredSlot>& slots, const crypto::ExchangeKeyId& key) {
  return std::ranges::any_of(slots, [&](const vault::StoredSlot& slot) {
    return slot.header.type == vault::SlotType::kEscrow && slot.header.recipient == key;
  });
}

bool has_type(const std::vector<vault::StoredSlot>& slots, vault::SlotType type) {
  return std::ranges::any_of(slots, [&](const auto& slot) { return slot.header.type == type; });
}

crypto::ExchangeKeyId exchange_key(const model::Escrow& escrow) {
  return crypto::ExchangeKeyId::from_bytes(escrow.key.bytes()).value_or(crypto::ExchangeKeyId{});
}

}  // namespace

std::string hash_of(const vault::RecoveryKey& key) {
  return crypto::sha256(key.secret().view()).text();
}

Result<std::unique_ptr<VaultKeeper>> VaultKeeper::open(StateFolder& state, Clock& clock,
                                                       const Identity& identity,
                                                       crypto::SigningKey device_key,
                                                       std::string keys_folder) {
  std::unique_ptr<VaultKeeper> keeper(
      new VaultKeeper(state, clock, identity, std::move(device_key), std::move(keys_folder)));
  TRY(keeper->load());
  return keeper;
}

Result<void> VaultKeeper::load() {
  ASSIGN_OR_RETURN(const std::optional<nlohmann::json> stored, state_.load(kRecord));
  if (stored) {
    record_ = {flag_or(*stored, "escrow"),
               text_or(*stored, "escrow_key"),
               text_or(*stored, "recovery_hash"),
               flag_or(*stored, "recovery_stored"),
               flag_or(*stored, "recovery_confirmed"),
               flag_or(*stored, "passphrase"),
               flag_or(*stored, "started_over")};
  }
  if (!replaces_ || record_.started_over) return {};
  Result<Bytes> keyring = state_.secrets().load(kKeyring);
  if (keyring) {
    crypto::wipe(*keyring);
    return {};
  }
  if (keyring.error().kind != ErrorKind::kNotFound)
    return std::unexpected(std::move(keyring).error());
  waiting_ = true;
  return {};
}

Result<void> VaultKeeper::save(const Record& record) {
  TRY(state_.save(kRecord, {{"escrow", record.escrow},
                            {"escrow_key", record.escrow_key},
                            {"recovery_hash", record.recovery_hash},
                            {"recovery_stored", record.recovery_stored},
                            {"recovery_confirmed", record.recovery_confirmed},
                            {"passphrase", record.passphrase},
                            {"started_over", record.started_over}}));
  record_ = record;
  return {};
}

Result<void> VaultKeeper::store_keyring(const seal::Keyring& keyring) {
  Bytes encoded = encode_keyring(keyring);
  Result<void> saved = state_.secrets().save(kKeyring, encoded);
  crypto::wipe(encoded);
  return saved;
}

bool VaultKeeper::waiting() const {
  const std::scoped_lock lock(mutex_);
  return waiting_;
}

void VaultKeeper::await(const VaultId& vault) {
  const std::scoped_lock lock(mutex_);
  awaited_ = vault;
}

std::optional<VaultId> VaultKeeper::awaited() const {
  const std::scoped_lock lock(mutex_);
  return awaited_;
}

std::string VaultKeeper::message_while_waiting() const {
  return "waiting for recovery of " +
         (awaited_ ? "vault " + awaited_->text() : "the vault of device " + replaces_->text()) +
         ": bring its key with `obhut key recover`, ask the partner with `obhut key request`, or "
         "give its points up with `obhut key start-over`";
}

std::string VaultKeeper::waiting_message() const {
  const std::scoped_lock lock(mutex_);
  return waiting_ ? message_while_waiting() : std::string();
}

std::unexpected<Error> nothing_awaited() {
  return fail(ErrorKind::kConflict,
              "there is nothing to recover: this endpoint has a vault of its own; to recover "
              "another device's, enrol a fresh installation with a token that replaces it");
}

Result<void> VaultKeeper::adopt(const seal::Keyring& keyring, const WayIn& way) {
  const std::scoped_lock lock(mutex_);
  if (!waiting_) return nothing_awaited();
  Record record;
  record.escrow = way.type == vault::SlotType::kEscrow;
  record.passphrase = way.type == vault::SlotType::kPassphrase;
  if (way.type == vault::SlotType::kRecovery) {
    // Whoever brought it holds it: more than a confirmation asks for.
    record.recovery_hash = way.recovery_hash;
    record.recovery_stored = true;
    record.recovery_confirmed = true;
  }
  TRY(save(record));
  TRY(store_keyring(keyring));  // from here on the vault is ours
  waiting_ = false;
  return {};
}

Result<void> VaultKeeper::start_over() {
  const std::scoped_lock lock(mutex_);
  if (!waiting_) return nothing_awaited();
  Record record;
  record.started_over = true;
  TRY(save(record));
  waiting_ = false;
  return {};
}

Result<void> VaultKeeper::abandon(const VaultId& lost) {
  const std::scoped_lock lock(mutex_);
  ASSIGN_OR_RETURN(const seal::Keyring ring, keyring());
  if (ring.vault() != lost) return {};
  // Laid aside, not thrown away: what this machine backed up may be wanted when all else is lost.
  Bytes encoded = encode_keyring(ring);
  const Result<void> kept = state_.secrets().save("former-" + lost.text() + ".keyring", encoded);
  crypto::wipe(encoded);
  if (!kept) return kept;
  Record record;
  record.started_over = true;
  TRY(save(record));
  TRY(state_.secrets().remove(kRecovery));
  return state_.secrets().remove(kKeyring);  // last: cut off before, the next run does it again
}

Result<seal::Keyring> VaultKeeper::keyring() {
  if (waiting_) return fail(ErrorKind::kRefused, message_while_waiting());
  Result<Bytes> stored = state_.secrets().load(kKeyring);
  if (stored) {
    Result<seal::Keyring> keyring = decode_keyring(*stored);
    crypto::wipe(*stored);
    return keyring;
  }
  if (stored.error().kind != ErrorKind::kNotFound)
    return std::unexpected(std::move(stored).error());
  // Durable before its id is told to anybody: a vault without its key would be lost at once.
  seal::Keyring made = seal::Keyring::generate();
  TRY(store_keyring(made));
  return made;
}

Result<crypto::SecretBytes> VaultKeeper::machine_secret() {
  Result<Bytes> stored = state_.secrets().load(kMachine);
  if (stored) {
    crypto::SecretBytes secret{ByteView(*stored)};
    crypto::wipe(*stored);
    return secret;
  }
  if (stored.error().kind != ErrorKind::kNotFound)
    return std::unexpected(std::move(stored).error());
  crypto::SecretBytes made(32);
  crypto::fill_random(made.writable());
  TRY(state_.secrets().save(kMachine, made.view()));
  return made;
}

Result<std::optional<vault::RecoveryKey>> VaultKeeper::recovery_key() {
  Result<Bytes> stored = state_.secrets().load(kRecovery);
  if (!stored && stored.error().kind == ErrorKind::kNotFound) return std::nullopt;
  if (!stored) return std::unexpected(std::move(stored).error());
  if (stored->size() != vault::kRecoveryKeySize) {
    return fail(ErrorKind::kCorrupt, std::string(kRecovery) + ": damaged");
  }
  vault::RecoveryKey key{ByteView(*stored)};
  crypto::wipe(*stored);
  return std::optional(std::move(key));
}

Result<VaultId> VaultKeeper::cluster_vault() {
  const std::scoped_lock lock(mutex_);
  ASSIGN_OR_RETURN(const seal::Keyring ring, keyring());
  return ring.vault();
}

vault::Vault::Writer VaultKeeper::writer() const {
  return {key_.clone(), device_};
}

Result<std::unique_ptr<vault::Vault>> VaultKeeper::open_cluster(
    store::Store& store, const std::optional<model::Escrow>& escrow, std::stop_token stop) {
  const std::scoped_lock lock(mutex_);
  ASSIGN_OR_RETURN(seal::Keyring ring, keyring());
  ASSIGN_OR_RETURN(const auto keys, store.list(store::ObjectKind::kKey, stop));
  std::unique_ptr<vault::Vault> vault;
  if (keys.empty()) {
    ASSIGN_OR_RETURN(crypto::SecretBytes secret, machine_secret());
    ASSIGN_OR_RETURN(vault, vault::Vault::create_for_device(store, std::move(ring),
                                                            vault::MachineSecret{std::move(secret)},
                                                            device_, key_, clock_, stop));
  } else {
    ASSIGN_OR_RETURN(vault, vault::Vault::open_with(store, std::move(ring), stop));
    TRY(add_self(*vault, stop));
  }
  TRY(add_missing(*vault, escrow, stop));
  TRY(add_recovery(*vault, stop));
  return vault;
}

/// This device as a signer, and this machine's own slot: a recovered vault has those of the lost
/// one.
Result<void> VaultKeeper::add_self(vault::Vault& vault, std::stop_token stop) {
  const bool known = std::ranges::any_of(vault.signers(), [&](const vault::Signer& signer) {
    return signer.key == key_.public_key();
  });
  if (!known) TRY(vault.add_signer({key_.public_key(), device_, clock_.now(), {}}, stop));
  ASSIGN_OR_RETURN(crypto::SecretBytes secret, machine_secret());
  const vault::KeySource machine = vault::MachineSecret{std::move(secret)};
  ASSIGN_OR_RETURN(const bool opens, vault.opens_with(machine, stop));
  if (!opens) TRY(vault.add_slot(machine, clock_.now(), stop));
  return {};
}

Result<void> VaultKeeper::add_missing(vault::Vault& vault,
                                      const std::optional<model::Escrow>& escrow,
                                      std::stop_token stop) {
  if (!escrow) return {};
  const crypto::ExchangeKeyId key = exchange_key(*escrow);
  ASSIGN_OR_RETURN(const std::vector<vault::StoredSlot> slots, vault.slots(stop));
  if (!has_escrow(slots, key)) TRY(vault.add_escrow_slot(key, clock_.now(), stop));
  if (record_.escrow && record_.escrow_key == key.text()) return {};
  Record record = record_;
  record.escrow = true;
  record.escrow_key = key.text();
  return save(record);
}

Result<void> VaultKeeper::add_recovery(vault::Vault& vault, std::stop_token stop) {
  if (record_.recovery_hash.empty() || record_.recovery_stored) return {};
  ASSIGN_OR_RETURN(std::optional<vault::RecoveryKey> key, recovery_key());
  if (!key) return {};
  TRY(vault.add_slot(std::move(*key), clock_.now(), stop));
  Record record = record_;
  record.recovery_stored = true;
  return save(record);
}

Result<std::unique_ptr<vault::Vault>> VaultKeeper::read_cluster(store::Store& store,
                                                                std::stop_token stop) {
  const std::scoped_lock lock(mutex_);
  ASSIGN_OR_RETURN(seal::Keyring ring, keyring());
  return vault::Vault::open_with(store, std::move(ring), stop);
}

Result<std::unique_ptr<vault::Vault>> VaultKeeper::open_local(
    store::Store& store, const model::Target& target, const std::optional<model::Escrow>& escrow,
    std::stop_token stop) {
  const std::scoped_lock lock(mutex_);
  ASSIGN_OR_RETURN(crypto::SecretBytes secret, machine_secret());
  ASSIGN_OR_RETURN(const auto keys, store.list(store::ObjectKind::kKey, stop));
  std::unique_ptr<vault::Vault> vault;
  if (keys.empty()) {
    ASSIGN_OR_RETURN(vault, vault::Vault::create_standalone(
                                store, vault::MachineSecret{std::move(secret)}, clock_, stop));
  } else {
    ASSIGN_OR_RETURN(vault,
                     vault::Vault::open(store, vault::MachineSecret{std::move(secret)}, stop));
  }
  if (escrow) {
    const crypto::ExchangeKeyId key = exchange_key(*escrow);
    ASSIGN_OR_RETURN(const std::vector<vault::StoredSlot> slots, vault->slots(stop));
    if (!has_escrow(slots, key)) TRY(vault->add_escrow_slot(key, clock_.now(), stop));
  }
  if (!target.key.empty()) TRY(add_key_file(*vault, target.key, stop));
  return vault;
}

Result<void> VaultKeeper::add_key_file(vault::Vault& vault, const std::string& name,
                                       std::stop_token stop) {
  const std::string path = platform::join(keys_folder_, name);
  ASSIGN_OR_RETURN(Bytes text, platform::read_file(path, kMaxKeyFile));
  Result<vault::KeySource> source = vault::key_source_from_file_text(as_text(text));
  crypto::wipe(text);
  if (!source) return pass_on(std::move(source.error()), path);
  ASSIGN_OR_RETURN(const std::vector<vault::StoredSlot> slots, vault.slots(stop));
  // One slot of the type is taken for this key's: to find out costs half a second of scrypt a run.
  if (has_type(slots, vault::slot_type_of(*source))) return {};
  TRY(vault.add_slot(*source, clock_.now(), stop));
  return {};
}

Result<std::unique_ptr<vault::Vault>> VaultKeeper::read_local(store::Store& store,
                                                              std::stop_token stop) {
  const std::scoped_lock lock(mutex_);
  ASSIGN_OR_RETURN(crypto::SecretBytes secret, machine_secret());
  return vault::Vault::open(store, vault::MachineSecret{std::move(secret)}, stop);
}

Result<std::string> VaultKeeper::show_recovery_key() {
  const std::scoped_lock lock(mutex_);
  if (waiting_) return fail(ErrorKind::kRefused, message_while_waiting());
  ASSIGN_OR_RETURN(std::optional<vault::RecoveryKey> key, recovery_key());
  if (key && hash_of(*key) == record_.recovery_hash) return key->text();
  if (record_.recovery_confirmed) {
    return fail(
        ErrorKind::kConflict,
        "the recovery key was shown and confirmed; it is kept on paper, not on this machine");
  }
  // A key without its record was left by a crash between the two.
  vault::RecoveryKey made = key ? std::move(*key) : vault::RecoveryKey::generate();
  TRY(state_.secrets().save(kRecovery, made.secret().view()));
  Record record = record_;
  record.recovery_hash = hash_of(made);
  record.recovery_stored = false;
  TRY(save(record));
  return made.text();
}

Result<void> VaultKeeper::confirm_recovery_key(const vault::RecoveryKey& key) {
  const std::scoped_lock lock(mutex_);
  if (record_.recovery_hash.empty()) {
    return fail(ErrorKind::kConflict,
                "no recovery key was made yet; run `obhut key show-recovery` first");
  }
  if (hash_of(key) != record_.recovery_hash) {
    return fail(ErrorKind::kRefused, "this is another recovery key than the one that was shown");
  }
  if (!record_.recovery_stored) {
    return fail(ErrorKind::kConflict,
                "the key's slot is not in the cluster yet; try again when it can be reached");
  }
  Record record = record_;
  record.recovery_confirmed = true;
  TRY(save(record));
  return state_.secrets().remove(kRecovery);
}

Result<void> VaultKeeper::add_passphrase(vault::Vault& vault, const vault::KeySource& passphrase,
                                         std::stop_token stop) {
  const std::scoped_lock lock(mutex_);
  ASSIGN_OR_RETURN(const bool opens, vault.opens_with(passphrase, stop));
  if (!opens) TRY(vault.add_slot(passphrase, clock_.now(), stop));
  Record record = record_;
  record.passphrase = true;
  return save(record);
}

Recoverability VaultKeeper::recoverability() const {
  const std::scoped_lock lock(mutex_);
  return {record_.escrow, !record_.recovery_hash.empty(), record_.recovery_confirmed,
          record_.passphrase};
}

}  // namespace obhut::endpoint
