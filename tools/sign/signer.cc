#include "tools/sign/signer.h"

#include <algorithm>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/crypto/random.h"
#include "agent/model/strict_json.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "tools/sign/answer.h"

namespace obhut::sign {
namespace {

using crypto::SecretBytes;
using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::string_view kSchema = "obhut.signer/1";
constexpr std::size_t kMaxFile = std::size_t{4} << 20U;

std::string list_name(std::uint64_t serial) {
  char text[48];
  std::snprintf(text, sizeof text, "trust/%08llu.json", static_cast<unsigned long long>(serial));
  return text;
}

std::string key_name(const SigningKeyId& key) {
  return "keys/" + key.text().substr(0, 16) + ".key";
}

Result<std::string> read_text(const std::string& path) {
  ASSIGN_OR_RETURN(const Bytes bytes, platform::read_file(path, kMaxFile));
  return std::string(as_text(bytes));
}

Result<platform::FileLock> lock_folder(const std::string& folder) {
  return platform::FileLock::acquire(platform::join(folder, ".lock"),
                                     platform::LockMode::kExclusive, "obhut-sign");
}

}  // namespace

std::string Signer::path(std::string_view name) const {
  return platform::join(folder_, name);
}

Result<Signer> Signer::create(const std::string& folder, const NewPartner& partner,
                              const std::optional<SecretBytes>& passphrase, Instant now) {
  if (platform::exists(platform::join(folder, "signer.json"))) {
    return fail(ErrorKind::kConflict, folder + ": holds a signer already");
  }
  for (const char* part : {"keys", "trust"}) {
    TRY(platform::make_directories(platform::join(folder, part), 0700));
  }
  ASSIGN_OR_RETURN(platform::FileLock lock, lock_folder(folder));
  const crypto::SigningKey root = crypto::SigningKey::generate();
  const PartnerId id = partner.id.value_or(crypto::random_id<PartnerId>());
  Signer signer(folder, std::move(lock), id, partner.name,
                trust::TrustChain::pinned_to(id, root.public_key()));

  ASSIGN_OR_RETURN(const std::string root_text, encode_key(root, passphrase));
  TRY(platform::write_file(signer.path("keys/root.key"), as_bytes(root_text)));
  ASSIGN_OR_RETURN(const std::string escrow_text,
                   encode_key(crypto::ExchangeKey::generate(), passphrase));
  TRY(platform::write_file(signer.path("keys/escrow.key"), as_bytes(escrow_text)));
  trust::TrustList first;
  first.partner = id;
  TRY(signer.issue_list(std::move(first), root, partner.list_valid, now));
  // Last: a folder without this file is no signer yet, and may be made again.
  TRY(signer.save());
  return signer;
}

Result<void> Signer::save() const {
  ASSIGN_OR_RETURN(const std::vector<std::string> lists, all_lists());
  ASSIGN_OR_RETURN(const trust::TrustList first, trust::read_trust_list(lists.front()));
  ordered_json versions = ordered_json::object();
  for (const auto& [target, version] : versions_) versions[target] = version;
  const ordered_json value = {{"schema", kSchema},
                              {"partner", partner_.text()},
                              {"name", name_},
                              {"root", first.root.text()},
                              {"versions", std::move(versions)}};
  return platform::write_file(path("signer.json"), as_bytes(value.dump(2) + "\n"));
}

Result<void> Signer::load_versions(std::string_view text) {
  ASSIGN_OR_RETURN(const json value, model::parse_strict_json(text, "signer.json"));
  const json versions = value.value("versions", json::object());
  if (!versions.is_object()) return fail(ErrorKind::kCorrupt, "signer.json: versions is damaged");
  for (const auto& [target, version] : versions.items()) {
    if (!version.is_number_unsigned()) {
      return fail(ErrorKind::kCorrupt, "signer.json: version of " + printable(target));
    }
    versions_[target] = version.get<std::uint64_t>();
  }
  return {};
}

Result<Signer> Signer::open(const std::string& folder) {
  const std::string file = platform::join(folder, "signer.json");
  if (!platform::exists(file)) {
    return fail(ErrorKind::kNotFound,
                folder + ": no signer here, make one with obhut-sign --dir DIR init");
  }
  ASSIGN_OR_RETURN(platform::FileLock lock, lock_folder(folder));
  ASSIGN_OR_RETURN(const std::string text, read_text(file));
  ASSIGN_OR_RETURN(const json value, model::parse_strict_json(text, file));
  const auto member = [&](const char* name) {
    const auto found = value.is_object() ? value.find(name) : value.end();
    return found != value.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const std::optional<PartnerId> partner = PartnerId::parse(member("partner"));
  const std::optional<SigningKeyId> root = SigningKeyId::parse(member("root"));
  if (member("schema") != kSchema || !partner || !root) {
    return fail(ErrorKind::kCorrupt, file + ": not a signer's file");
  }
  Signer signer(folder, std::move(lock), *partner, member("name"),
                trust::TrustChain::pinned_to(*partner, *root));
  TRY(signer.load_versions(text));
  ASSIGN_OR_RETURN(const std::vector<std::string> lists, signer.all_lists());
  for (const std::string& list : lists) {
    Result<bool> taken = signer.trust_.update(list);
    if (!taken) return pass_on(std::move(taken).error(), folder);
  }
  return signer;
}

Result<std::vector<std::string>> Signer::all_lists() const {
  std::vector<std::string> out;
  ASSIGN_OR_RETURN(const std::vector<std::string> names, platform::list_directory(path("trust")));
  for (const std::string& name : names) {
    if (!name.ends_with(".json")) continue;
    ASSIGN_OR_RETURN(std::string text, read_text(path("trust/" + name)));
    out.push_back(std::move(text));
  }
  if (out.empty()) return fail(ErrorKind::kCorrupt, folder_ + ": no trust list left");
  return out;
}

Result<crypto::SigningKey> Signer::root_key(const AskPassphrase& ask) const {
  // A rotation that was cut off after its last list leaves the new root under its other name.
  for (const char* name : {"keys/root.key", "keys/root-next.key"}) {
    if (!platform::exists(path(name))) continue;
    ASSIGN_OR_RETURN(const std::string text, read_text(path(name)));
    ASSIGN_OR_RETURN(const std::string half, public_half_of(text));
    if (half == trust_.root().text()) return decode_signing_key(text, ask);
  }
  return fail(ErrorKind::kNotFound, folder_ + ": keys/root.key is not the root of the last list");
}

Result<crypto::ExchangeKey> Signer::escrow_key(const AskPassphrase& ask) const {
  ASSIGN_OR_RETURN(const std::string text, read_text(path("keys/escrow.key")));
  return decode_exchange_key(text, ask);
}

Result<crypto::ExchangeKeyId> Signer::escrow_public_key() const {
  ASSIGN_OR_RETURN(const std::string text, read_text(path("keys/escrow.key")));
  ASSIGN_OR_RETURN(const std::string half, public_half_of(text));
  return *crypto::ExchangeKeyId::parse(half);
}

Result<trust::Operator> Signer::find_operator(std::string_view who) const {
  std::vector<trust::Operator> found;
  for (const trust::Operator& entry : trust_.list()->operators) {
    if (entry.key.text() == who) return entry;
    if (entry.name == who) found.push_back(entry);
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    return fail(ErrorKind::kNotFound, "operator " + printable(who) + ": not in the trust list");
  }
  return fail(ErrorKind::kInvalidInput,
              "operator " + printable(who) + ": several have this name, give the public key");
}

Result<crypto::SigningKey> Signer::operator_key(std::string_view who,
                                                const AskPassphrase& ask) const {
  ASSIGN_OR_RETURN(const trust::Operator entry, find_operator(who));
  Result<std::string> text = read_text(path(key_name(entry.key)));
  if (!text) {
    return fail(text.error().kind,
                "operator " + printable(who) + ": its key is not in this folder, sign with --key");
  }
  return decode_signing_key(*text, ask);
}

std::optional<trust::Operator> Signer::usable_operator(
    const std::vector<trust::OperatorRole>& roles, Instant now) const {
  const auto may = [&](const SigningKeyId& key, trust::OperatorRole role) {
    return trust_.standing(key, role, now) == trust::Standing::kGood;
  };
  for (const trust::Operator& entry : trust_.list()->operators) {
    if (!std::ranges::all_of(roles, [&](auto role) { return may(entry.key, role); })) continue;
    if (platform::exists(path(key_name(entry.key)))) return entry;
  }
  return std::nullopt;
}

Result<void> Signer::store_operator_key(const crypto::SigningKey& key,
                                        const std::optional<SecretBytes>& passphrase) {
  ASSIGN_OR_RETURN(const std::string text, encode_key(key, passphrase));
  return platform::write_file(path(key_name(key.public_key())), as_bytes(text));
}

trust::TrustList Signer::draft() const {
  return *trust_.list();
}

Result<void> Signer::issue_list(trust::TrustList list, const crypto::SigningKey& root,
                                std::chrono::days valid, Instant now) {
  list.serial = trust_.serial() + 1;
  list.issued = to_second(now);
  list.expires = to_second(now + valid);
  list.root = root.public_key();
  const std::string document = trust::make_trust_list(list, root);
  // Our own chain first: what it refuses, every endpoint would.
  trust::TrustChain next = trust_;
  TRY(next.update(document));
  TRY(platform::write_file(path(list_name(list.serial)), as_bytes(document), 0644));
  trust_ = std::move(next);
  return {};
}

Result<void> Signer::rotate_root(const crypto::SigningKey& old_root,
                                 const std::optional<SecretBytes>& passphrase,
                                 std::chrono::days valid, Instant now) {
  const crypto::SigningKey next = crypto::SigningKey::generate();
  ASSIGN_OR_RETURN(const std::string next_text, encode_key(next, passphrase));
  ASSIGN_OR_RETURN(const std::string old_text, read_text(path("keys/root.key")));
  // Both keys are durable before any list speaks of them.
  const std::string kept = "keys/root-" + std::to_string(trust_.serial()) + ".key";
  TRY(platform::write_file(path(kept), as_bytes(old_text)));
  TRY(platform::write_file(path("keys/root-next.key"), as_bytes(next_text)));
  trust::TrustList last = draft();
  last.successor = next.public_key();
  TRY(issue_list(std::move(last), old_root, valid, now));
  trust::TrustList first = draft();
  first.successor.reset();
  TRY(issue_list(std::move(first), next, valid, now));
  TRY(platform::write_file(path("keys/root.key"), as_bytes(next_text)));
  return platform::remove_file(path("keys/root-next.key"));
}

Result<std::uint64_t> Signer::take_version(const std::string& target,
                                           std::optional<std::uint64_t> wanted) {
  const auto found = versions_.find(target);
  const std::uint64_t last = found == versions_.end() ? 0 : found->second;
  const std::uint64_t version = wanted.value_or(last + 1);
  if (version <= last) {
    return fail(ErrorKind::kInvalidInput, "version " + std::to_string(version) + ": " + target +
                                              " has version " + std::to_string(last) +
                                              " already, endpoints would refuse it");
  }
  versions_[target] = version;
  TRY(save());
  return version;
}

}  // namespace obhut::sign
