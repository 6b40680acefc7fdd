#include "service/endpoint/recovery.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "agent/trust/device_id.h"
#include "platform/local_files.h"
#include "service/endpoint/cluster_store.h"
#include "service/endpoint/json_fields.h"

namespace obhut::endpoint {

namespace {

constexpr const char* kAwaited = "recovery-awaited";
constexpr const char* kRequest = "escrow-request.json";
constexpr const char* kRequestKey = "escrow-request.key";

std::unexpected<Error> no_vault(const std::optional<VaultId>& wanted) {
  if (wanted) {
    return fail(ErrorKind::kNotFound,
                "vault " + wanted->text() +
                    ": not one of this device's with recovery points; `obhut status` names the "
                    "one that there is");
  }
  return fail(ErrorKind::kNotFound,
              "the cluster holds no vault with recovery points for this device; "
              "`obhut key start-over` begins a new one");
}

std::string word_for(const vault::KeySource& key) {
  return std::holds_alternative<vault::Passphrase>(key) ? "passphrase" : "recovery key";
}

Result<std::unique_ptr<ClusterStore>> store_of(const EngineParts& parts, const VaultId& vault) {
  return ClusterStore::open(parts.cluster(), vault, ClusterStore::Patience::kPerson);
}

/// The vault's escrow slots, newest first.
Result<std::vector<Bytes>> escrow_slots(store::Store& store, const VaultId& vault,
                                        const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const auto objects, store.list(store::ObjectKind::kKey, stop));
  std::vector<std::pair<Instant, Bytes>> found;
  for (const store::ObjectInfo& object : objects) {
    if (object.size > trust::kMaxEscrowSlot) continue;
    ASSIGN_OR_RETURN(Bytes bytes,
                     store::get_whole(store, object.name, trust::kMaxEscrowSlot, stop));
    const Result<vault::SlotHeader> header = vault::parse_slot(bytes);
    const bool ours = header && header->type == vault::SlotType::kEscrow && header->vault == vault;
    if (ours) found.emplace_back(header->created, std::move(bytes));
  }
  std::ranges::sort(found, std::ranges::greater{}, [](const auto& slot) { return slot.first; });
  std::vector<Bytes> slots;
  for (auto& [created, bytes] : found) {
    if (slots.size() < trust::kMaxEscrowSlots) slots.push_back(std::move(bytes));
  }
  return slots;
}

}  // namespace

Result<wire::ListedVault> Recovery::choose(const std::optional<VaultId>& wanted,
                                           std::stop_token stop) {
  ASSIGN_OR_RETURN(std::vector<wire::ListedVault> vaults, parts_.control.vaults(stop));
  std::ranges::reverse(vaults);
  for (const wire::ListedVault& vault : vaults) {
    if (vault.head_sequence == 0 || (wanted && vault.id != *wanted)) continue;
    // Its points may have been deleted since.
    ASSIGN_OR_RETURN(const auto heads,
                     parts_.control.heads(vault.id, vault.head_sequence - 1, stop));
    if (!heads.empty()) return vault;
  }
  return no_vault(wanted);
}

Result<void> Recovery::look(std::stop_token stop) {
  if (!parts_.keeper.waiting()) return {};
  const Result<wire::ListedVault> found = choose({}, stop);
  if (found) {
    parts_.keeper.await(found->id);
    parts_.outbox.raise(kAwaited, "critical", parts_.keeper.waiting_message());
    return {};
  }
  if (found.error().kind != ErrorKind::kNotFound) return std::unexpected(found.error());
  const std::scoped_lock lock(mutex_);
  if (!parts_.keeper.waiting()) return {};
  parts_.log.info("the device that was replaced left no recovery point");
  TRY(parts_.keeper.start_over());
  parts_.outbox.clear(kAwaited);
  return {};
}

/// Read past the store, which believes no head but this device's own: here the vault's signers say
/// whom to believe, and nobody can name one who does not know the roots.
Result<vault::Point> Recovery::newest_point(const wire::ListedVault& listed,
                                            const vault::Vault& vault, std::stop_token stop) {
  ASSIGN_OR_RETURN(const auto heads,
                   parts_.control.heads(listed.id, listed.head_sequence - 1, stop));
  if (heads.empty()) return no_vault(listed.id);
  const wire::ListedHead& newest = heads.back();
  ASSIGN_OR_RETURN(const Bytes bytes, parts_.control.head(listed.id, newest.hash, stop));
  Result<vault::Point> point = vault.open_point(newest.hash, bytes);
  if (point && point->head.vault == listed.id && point->head.sequence == newest.sequence) {
    return point;
  }
  return fail(ErrorKind::kRefused, "vault " + listed.id.text() +
                                       ": the cluster shows a recovery point that nobody "
                                       "made who may write to it" +
                                       (point ? std::string() : ": " + point.error().message));
}

Result<Recovery::Recovered> Recovery::take(const wire::ListedVault& listed, vault::Vault& vault,
                                           const WayIn& way, const std::optional<DeviceId>& made_by,
                                           const std::optional<model::Escrow>& escrow,
                                           std::stop_token stop) {
  ASSIGN_OR_RETURN(const vault::Point point, newest_point(listed, vault, stop));
  // Under made-up roots nothing opens that the lost device sealed; and under an answer that was
  // made up with its own vault around it, nothing is signed by the device that the token names.
  const Result<model::Summary> summary = vault.summary(point);
  if (!summary)
    return fail(ErrorKind::kRefused, "these keys do not open the newest recovery point");
  if (made_by &&
      (point.head.device != *made_by || trust::device_id_of(point.head.signer) != *made_by)) {
    return fail(ErrorKind::kRefused,
                "the newest recovery point was made by device " + point.head.device.text() +
                    ", not by " + made_by->text() +
                    "; where the partner knows it as an earlier installation of this machine, "
                    "repeat with --made-by " +
                    point.head.device.text());
  }
  ASSIGN_OR_RETURN(HeadFile * memory, parts_.heads.of(listed.id));
  if (const auto own = memory->newest(); own && own->sequence > point.head.sequence) {
    return fail(ErrorKind::kRefused, "the cluster shows an older vault than this machine has seen");
  }
  TRY(memory->remember({point.head.sequence, point.id, true}));
  TRY(parts_.keeper.adopt(vault.keyring(), way));
  parts_.outbox.clear(kAwaited);
  parts_.log.info("vault recovered", field("vault", listed.id));
  Recovered out{listed.id, point.head.sequence, point.head.created, point.head.device, {}};
  const auto entered = parts_.keeper.open_cluster(vault.store(), escrow, stop);
  if (!entered) out.unfinished = entered.error();
  TRY(forget_request());
  return out;
}

Result<Recovery::Recovered> Recovery::open_with_key(const vault::KeySource& key,
                                                    const std::optional<VaultId>& wanted,
                                                    const std::optional<model::Escrow>& escrow,
                                                    std::stop_token stop) {
  const std::scoped_lock lock(mutex_);
  if (!parts_.keeper.waiting()) return nothing_awaited();
  ASSIGN_OR_RETURN(const wire::ListedVault listed, choose(wanted, stop));
  ASSIGN_OR_RETURN(const std::unique_ptr<ClusterStore> store, store_of(parts_, listed.id));
  Result<std::unique_ptr<vault::Vault>> opened = vault::Vault::open(store->store(), key, stop);
  if (!opened && opened.error().kind == ErrorKind::kRefused) {
    return fail(ErrorKind::kRefused, "this " + word_for(key) + " opens no slot of vault " +
                                         listed.id.text() + "; is it that of device " +
                                         parts_.identity.replaces->text() + "?");
  }
  if (!opened) return std::unexpected(std::move(opened).error());
  if ((*opened)->id() != listed.id) {
    return fail(ErrorKind::kRefused,
                "vault " + listed.id.text() + ": the cluster shows another vault's key slots");
  }
  WayIn way{vault::slot_type_of(key)};
  if (const auto* recovery = std::get_if<vault::RecoveryKey>(&key)) {
    way.recovery_hash = hash_of(*recovery);
  }
  return take(listed, **opened, way, {}, escrow, stop);
}

Result<std::optional<Recovery::Pending>> Recovery::pending() const {
  ASSIGN_OR_RETURN(const std::optional<nlohmann::json> stored, parts_.state.load(kRequest));
  if (!stored) return std::nullopt;
  Result<Bytes> secret = parts_.state.secrets().load(kRequestKey);
  if (!secret && secret.error().kind == ErrorKind::kNotFound) return std::nullopt;
  if (!secret) return std::unexpected(std::move(secret).error());
  Result<crypto::ExchangeKey> key = crypto::ExchangeKey::from_bytes(*secret);
  crypto::wipe(*secret);
  if (!key) return pass_on(std::move(key).error(), kRequestKey);
  std::string text = text_or(*stored, "request");
  Result<trust::SignedEscrowRequest> request = trust::read_escrow_request(text);
  // A crash between the two files leaves a request without its key: it is as good as none.
  if (!request || request->request.key != key->public_key()) return std::nullopt;
  return Pending{std::move(text), std::move(*request), std::move(*key)};
}

Result<Recovery::Pending> Recovery::make_request(const VaultId& vault, std::stop_token stop) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ClusterStore> store, store_of(parts_, vault));
  ASSIGN_OR_RETURN(std::vector<Bytes> slots, escrow_slots(store->store(), vault, stop));
  if (slots.empty()) {
    return fail(ErrorKind::kNotFound, "vault " + vault.text() +
                                          ": has no escrow slot, since its plan named no escrow "
                                          "key; only its recovery key or passphrase opens it");
  }
  crypto::ExchangeKey key = crypto::ExchangeKey::generate();
  trust::EscrowRequest request;
  request.device = parts_.identity.device;
  request.partner = parts_.identity.partner;
  request.vault = vault;
  request.key = key.public_key();
  request.created = parts_.clock.now();
  request.slots = std::move(slots);
  std::string text = trust::make_escrow_request(request, parts_.keeper.writer().key);
  ASSIGN_OR_RETURN(trust::SignedEscrowRequest read, trust::read_escrow_request(text));
  TRY(parts_.state.secrets().save(kRequestKey, key.secret().view()));
  TRY(parts_.state.save(kRequest, {{"request", text}}));
  return Pending{std::move(text), std::move(read), std::move(key)};
}

Result<void> Recovery::forget_request() {
  TRY(parts_.state.secrets().remove(kRequestKey));
  const std::string path = parts_.state.path(kRequest);
  if (!platform::exists(path)) return {};
  return platform::remove_file(path);
}

Result<Recovery::Request> Recovery::ask_escrow(const std::optional<VaultId>& wanted,
                                               std::stop_token stop) {
  const std::scoped_lock lock(mutex_);
  if (!parts_.keeper.waiting()) return nothing_awaited();
  ASSIGN_OR_RETURN(const wire::ListedVault listed, choose(wanted, stop));
  ASSIGN_OR_RETURN(std::optional<Pending> open, pending());
  if (!open || open->request.request.vault != listed.id) {
    ASSIGN_OR_RETURN(open, make_request(listed.id, stop));
  }
  return Request{open->text, listed.id, trust::fingerprint_of(open->request.hash)};
}

std::optional<std::string> Recovery::open_fingerprint() const {
  const Result<std::optional<Pending>> open = pending();
  if (!open || !*open) return std::nullopt;
  return trust::fingerprint_of((*open)->request.hash);
}

Result<Recovery::Recovered> Recovery::open_with_answer(std::string_view text,
                                                       const std::optional<DeviceId>& made_by,
                                                       const std::optional<model::Escrow>& escrow,
                                                       std::stop_token stop) {
  ASSIGN_OR_RETURN(const trust::EscrowAnswer answer, trust::read_escrow_answer(text));
  const std::scoped_lock lock(mutex_);
  if (!parts_.keeper.waiting()) return nothing_awaited();
  ASSIGN_OR_RETURN(const std::optional<Pending> open, pending());
  if (!open) {
    return fail(ErrorKind::kConflict,
                "no escrow request of this endpoint is open; make one with `obhut key request`");
  }
  if (answer.request != open->request.hash) {
    return fail(
        ErrorKind::kRefused,
        "this answers another request than the one of this endpoint, which has fingerprint " +
            trust::fingerprint_of(open->request.hash));
  }
  const trust::EscrowRequest& request = open->request.request;
  ASSIGN_OR_RETURN(const wire::ListedVault listed, choose(request.vault, stop));
  Result<seal::Keyring> keyring = vault::open_roots(
      open->key, trust::escrow_answer_context(request.device, request.vault, open->request.hash),
      request.vault, answer.sealed);
  if (!keyring) return pass_on(std::move(keyring).error(), "escrow answer");
  ASSIGN_OR_RETURN(const std::unique_ptr<ClusterStore> store, store_of(parts_, listed.id));
  ASSIGN_OR_RETURN(const std::unique_ptr<vault::Vault> vault,
                   vault::Vault::open_with(store->store(), std::move(*keyring), stop));
  return take(listed, *vault, {vault::SlotType::kEscrow},
              made_by ? made_by : parts_.identity.replaces, escrow, stop);
}

Result<void> Recovery::start_over() {
  const std::scoped_lock lock(mutex_);
  const std::vector<Alert> standing = parts_.outbox.standing();
  const bool taken_over =
      std::ranges::any_of(standing, [](const Alert& alert) { return alert.code == kTakenOver; });
  if (!parts_.keeper.waiting()) {
    if (!taken_over) return nothing_awaited();
    parts_.outbox.clear(kTakenOver);
    return {};
  }
  TRY(parts_.keeper.start_over());
  parts_.outbox.clear(kAwaited);
  parts_.log.warn("the vault of the lost device was given up");
  return forget_request();
}

}  // namespace obhut::endpoint
