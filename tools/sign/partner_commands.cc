// The partner itself: root, operators, trust lists, escrow.

#include <algorithm>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/crypto/random.h"
#include "tools/sign/answer.h"
#include "tools/sign/commands.h"

namespace obhut::sign {
namespace {

using nlohmann::ordered_json;

ordered_json list_json(const Signer& signer) {
  const trust::TrustList& list = *signer.trust().list();
  ordered_json operators = ordered_json::array();
  for (const trust::Operator& entry : list.operators) operators.push_back(operator_json(entry));
  ordered_json revoked = ordered_json::array();
  for (const SigningKeyId& key : list.revoked) revoked.push_back(key.text());
  ordered_json out = {{"partner", signer.partner().text()},
                      {"name", signer.name()},
                      {"root", list.root.text()},
                      {"serial", list.serial},
                      {"issued", format_time(list.issued)}};
  if (list.expires) out["expires"] = format_time(*list.expires);
  out["operators"] = std::move(operators);
  out["revoked"] = std::move(revoked);
  return out;
}

std::string list_text(const Signer& signer) {
  const trust::TrustList& list = *signer.trust().list();
  std::string out = "partner  " + printable(signer.name()) + " (" + signer.partner().text() +
                    ")\nroot     " + list.root.text() + "\nserial   " +
                    std::to_string(list.serial) + "\nissued   " + format_time(list.issued) + "\n";
  if (list.expires) out += "expires  " + format_time(*list.expires) + "\n";
  for (const trust::Operator& entry : list.operators) {
    const bool revoked = std::ranges::find(list.revoked, entry.key) != list.revoked.end();
    out += "operator " + entry.key.text() + "  " + printable(entry.name) + "  " +
           roles_text(entry) + "  until " + format_time(entry.expires) +
           (revoked ? "  REVOKED" : "") + "\n";
  }
  return out;
}

Result<std::uint8_t> parse_roles(const std::vector<std::string>& names) {
  std::uint8_t roles = 0;
  for (const std::string& name : names) {
    const std::optional<trust::OperatorRole> role = trust::parse_role(name);
    if (!role) {
      return fail(ErrorKind::kInvalidInput,
                  "role " + printable(name) + ": must be plan, enroll or restore");
    }
    roles = static_cast<std::uint8_t>(roles | static_cast<std::uint8_t>(*role));
  }
  if (roles == 0) return fail(ErrorKind::kInvalidInput, "operator: needs at least one role");
  return roles;
}

}  // namespace

Result<Answer> init(const Context& context, const InitOptions& options) {
  TRY(check_name("partner", options.partner));
  Signer::NewPartner partner{options.partner, std::nullopt, std::chrono::days{options.list_days}};
  if (!options.partner_id.empty()) {
    partner.id = PartnerId::parse(options.partner_id);
    if (!partner.id) {
      return fail(ErrorKind::kInvalidInput, "partner id: must be 32 lower-case hex digits");
    }
  }
  ASSIGN_OR_RETURN(const Signer signer,
                   Signer::create(context.folder, partner, options.passphrase, context.now));
  ASSIGN_OR_RETURN(const crypto::ExchangeKeyId escrow, signer.escrow_public_key());
  ordered_json out = list_json(signer);
  out["escrow"] = escrow.text();
  return answer(out, list_text(signer) + "escrow   " + escrow.text() + "\nkeep " + context.folder +
                         " offline and make a copy: without keys/root.key no operator can be "
                         "added, without keys/escrow.key nothing can be recovered for a device "
                         "that is lost\n");
}

Result<Answer> operator_add(const Context& context, const OperatorOptions& options) {
  TRY(check_name("operator", options.name));
  ASSIGN_OR_RETURN(const std::uint8_t roles, parse_roles(options.roles));
  ASSIGN_OR_RETURN(Signer signer, Signer::open(context.folder));
  trust::TrustList list = signer.draft();
  // Two keys of one name would count as one person where two must sign.
  const auto taken = std::ranges::find(list.operators, options.name, &trust::Operator::name);
  if (taken != list.operators.end()) {
    return fail(ErrorKind::kInvalidInput, "operator " + printable(options.name) +
                                              ": exists already, revoke it first or take another "
                                              "name");
  }
  ASSIGN_OR_RETURN(const crypto::SigningKey root, signer.root_key(context.ask));
  trust::Operator entry{{}, options.name, roles, days_later(context.now, options.days)};
  if (options.public_key.empty()) {
    const crypto::SigningKey key = crypto::SigningKey::generate();
    // The key is durable before any list names it.
    TRY(signer.store_operator_key(key, options.passphrase));
    entry.key = key.public_key();
  } else {
    const std::optional<SigningKeyId> key = SigningKeyId::parse(options.public_key);
    if (!key) return fail(ErrorKind::kInvalidInput, "public key: must be 64 lower-case hex digits");
    const bool known =
        std::ranges::find(list.operators, *key, &trust::Operator::key) != list.operators.end() ||
        std::ranges::find(list.revoked, *key) != list.revoked.end();
    if (known) return fail(ErrorKind::kInvalidInput, "public key: is in the trust list already");
    entry.key = *key;
  }
  list.operators.push_back(entry);
  TRY(signer.issue_list(std::move(list), root, std::chrono::days{options.list_days}, context.now));
  ordered_json out = operator_json(entry);
  out["serial"] = signer.trust().serial();
  return answer(out, "operator " + printable(entry.name) + "  " + entry.key.text() + "  " +
                         roles_text(entry) + "  until " + format_time(entry.expires) +
                         "\ntrust list " + std::to_string(signer.trust().serial()) +
                         " is to be published: obhut-sign trust export\n");
}

Result<Answer> operator_revoke(const Context& context, const std::string& who,
                               std::uint32_t list_days) {
  ASSIGN_OR_RETURN(Signer signer, Signer::open(context.folder));
  trust::TrustList list = signer.draft();
  std::optional<SigningKeyId> key;
  if (Result<trust::Operator> entry = signer.find_operator(who)) key = entry->key;
  // A key that was never listed can be revoked too: it may have leaked before it was added.
  if (!key) key = SigningKeyId::parse(who);
  if (!key) {
    return fail(ErrorKind::kNotFound, "operator " + printable(who) + ": not in the trust list");
  }
  std::erase_if(list.operators, [&](const trust::Operator& entry) { return entry.key == *key; });
  if (std::ranges::find(list.revoked, *key) == list.revoked.end()) list.revoked.push_back(*key);
  ASSIGN_OR_RETURN(const crypto::SigningKey root, signer.root_key(context.ask));
  TRY(signer.issue_list(std::move(list), root, std::chrono::days{list_days}, context.now));
  return answer(ordered_json{{"revoked", key->text()}, {"serial", signer.trust().serial()}},
                "revoked " + key->text() + "\ntrust list " +
                    std::to_string(signer.trust().serial()) +
                    " is to be published: obhut-sign trust export\n");
}

Result<Answer> key_new(const std::string& out,
                       const std::optional<crypto::SecretBytes>& passphrase) {
  const crypto::SigningKey key = crypto::SigningKey::generate();
  ASSIGN_OR_RETURN(const std::string text, encode_key(key, passphrase));
  TRY(write_output(out, text, /*secret=*/true));
  return answer(ordered_json{{"key", key.public_key().text()}, {"file", out}},
                key.public_key().text() + "\n");
}

Result<Answer> trust_show(const Context& context) {
  ASSIGN_OR_RETURN(const Signer signer, Signer::open(context.folder));
  return answer(list_json(signer), list_text(signer));
}

Result<Answer> trust_export(const Context& context, const std::string& out, bool all) {
  ASSIGN_OR_RETURN(const Signer signer, Signer::open(context.folder));
  std::string document = signer.trust().document();
  if (all) {
    ASSIGN_OR_RETURN(const std::vector<std::string> lists, signer.all_lists());
    document = "[";
    for (const std::string& list : lists) document += (document.size() > 1 ? "," : "") + list;
    document += "]";
  }
  if (out.empty()) return Answer{document, document + "\n"};
  TRY(write_output(out, document, /*secret=*/false));
  return answer(ordered_json{{"file", out}, {"serial", signer.trust().serial()}},
                out + ": trust list " + std::to_string(signer.trust().serial()) + "\n");
}

Result<Answer> trust_renew(const Context& context, std::uint32_t list_days) {
  ASSIGN_OR_RETURN(Signer signer, Signer::open(context.folder));
  ASSIGN_OR_RETURN(const crypto::SigningKey root, signer.root_key(context.ask));
  TRY(signer.issue_list(signer.draft(), root, std::chrono::days{list_days}, context.now));
  return answer(list_json(signer), list_text(signer));
}

Result<Answer> root_rotate(const Context& context, std::uint32_t list_days,
                           const std::optional<crypto::SecretBytes>& passphrase) {
  ASSIGN_OR_RETURN(Signer signer, Signer::open(context.folder));
  ASSIGN_OR_RETURN(const crypto::SigningKey root, signer.root_key(context.ask));
  TRY(signer.rotate_root(root, passphrase, std::chrono::days{list_days}, context.now));
  return answer(
      list_json(signer),
      list_text(signer) + "publish every list, in order: obhut-sign trust export --all\n");
}

Result<Answer> escrow_show(const Context& context) {
  ASSIGN_OR_RETURN(const Signer signer, Signer::open(context.folder));
  ASSIGN_OR_RETURN(const crypto::ExchangeKeyId key, signer.escrow_public_key());
  return answer(ordered_json{{"key", key.text()}, {"name", signer.name()}},
                "\"escrow\": {\"key\": \"" + key.text() + "\", \"name\": \"" +
                    printable(signer.name()) + "\"}\n");
}

}  // namespace obhut::sign
