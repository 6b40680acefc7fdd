// Restore grants: what lets a user of a device restore what he could not read.

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/crypto/random.h"
#include "agent/trust/grant.h"
#include "tools/sign/answer.h"
#include "tools/sign/commands.h"
#include "tools/sign/qr_code.h"

namespace obhut::sign {
namespace {

using nlohmann::ordered_json;

template <class IdType>
Result<IdType> parse_grant_id(std::string_view what, const std::string& text) {
  const std::optional<IdType> id = IdType::parse(text);
  if (id) return *id;
  return fail(ErrorKind::kInvalidInput,
              std::string(what) + " " + printable(text) + ": must be 32 lower-case hex digits");
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// As recovery points have it: "C:\Users\x" is "/C/Users/x", "\\server\share" is
/// "/UNC/server/share". The device may be another system than this one.
Result<model::RelPath> device_path(std::string_view typed) {
  std::string path(typed);
  const bool drive = path.size() >= 2 && is_letter(path[0]) && path[1] == ':';
  const bool server = path.starts_with("\\\\");
  if (drive || server) {
    for (char& c : path) c = c == '\\' ? '/' : c;
  }
  if (server) path.insert(0, "/UNC");
  if (drive) {
    const char letter = path[0] >= 'a' ? static_cast<char>(path[0] - 'a' + 'A') : path[0];
    path = std::string("/") + letter + "/" + path.substr(2);
  }
  if (!path.starts_with('/') || !is_utf8(path)) {
    return fail(ErrorKind::kInvalidInput,
                "path " + printable(typed) + ": must be absolute, in UTF-8: /home/anna, C:\\Users");
  }
  return model::RelPath::parse_typed(path);
}

Result<trust::GrantDestination> destination_of(const std::string& typed) {
  if (typed == "original" || typed == "any") return trust::GrantDestination::parse(typed);
  ASSIGN_OR_RETURN(const model::RelPath folder, device_path(typed));
  auto parsed = trust::GrantDestination::parse("/" + folder.bytes());
  if (!parsed) return pass_on(std::move(parsed).error(), "--to " + printable(typed));
  return parsed;
}

Result<trust::RestoreGrant> grant_of(const GrantOptions& options, const PartnerId& partner,
                                     Instant now) {
  trust::RestoreGrant grant;
  grant.id = crypto::random_id<trust::GrantId>();
  grant.partner = partner;
  ASSIGN_OR_RETURN(grant.device, parse_grant_id<DeviceId>("device", options.device));
  if (!options.vault.empty()) {
    ASSIGN_OR_RETURN(grant.vault, parse_grant_id<VaultId>("vault", options.vault));
  }
  for (const std::string& typed : options.paths) {
    ASSIGN_OR_RETURN(model::RelPath path, device_path(typed));
    grant.scope.push_back(std::move(path));
  }
  if (options.user.empty() != options.anybody) {
    return fail(ErrorKind::kInvalidInput, "grant: give either --user or --anybody");
  }
  if (!options.anybody) {
    TRY(check_name("user", options.user));
    grant.account = options.user;
  }
  ASSIGN_OR_RETURN(grant.destination, destination_of(options.to));
  grant.not_before = to_second(now);
  grant.expires = grant.not_before + std::chrono::hours{options.hours};
  grant.reason = options.reason;
  if (!is_utf8(grant.reason)) return fail(ErrorKind::kInvalidInput, "reason: must be UTF-8");
  return grant;
}

/// The operator that is named, or the key in a file, or the first here who may.
Result<crypto::SigningKey> grant_signer(const Signer& signer, const Context& context,
                                        const GrantOptions& options) {
  constexpr trust::OperatorRole kRole = trust::OperatorRole::kRestore;
  std::optional<crypto::SigningKey> key;
  if (!options.key_file.empty()) {
    ASSIGN_OR_RETURN(const std::string text, read_input(options.key_file, 65536));
    ASSIGN_OR_RETURN(key, decode_signing_key(text, context.ask));
  } else {
    std::string who = options.signer;
    if (who.empty()) {
      const auto usable = signer.usable_operator({kRole}, context.now);
      if (!usable) {
        return fail(ErrorKind::kRefused,
                    "grant: no operator with role \"restore\" here, add one or sign with --key");
      }
      who = usable->key.text();
    }
    ASSIGN_OR_RETURN(const trust::Operator entry, signer.find_operator(who));
    TRY(signer.trust().require(entry.key, kRole, context.now));
    ASSIGN_OR_RETURN(key, signer.operator_key(who, context.ask));
  }
  TRY(signer.trust().require(key->public_key(), kRole, context.now));
  return std::move(*key);
}

std::string list_text(const std::vector<std::string>& paths) {
  std::string text;
  for (const std::string& path : paths) text += (text.empty() ? "" : ", ") + printable(path);
  return text;
}

ordered_json grant_json(const trust::RestoreGrant& grant, const std::string& signer) {
  ordered_json value = {{"type", "grant"},
                        {"id", grant.id.text()},
                        {"device", grant.device.text()},
                        {"scope", trust::scope_texts(grant)},
                        {"account", nullptr},
                        {"destination", grant.destination.text()},
                        {"not_before", format_time(grant.not_before)},
                        {"expires", format_time(grant.expires)},
                        {"reason", grant.reason},
                        {"signer", signer}};
  if (grant.account) value["account"] = *grant.account;
  if (grant.vault) value["vault"] = grant.vault->text();
  return value;
}

std::string grant_text(const trust::RestoreGrant& grant, const std::string& signer) {
  const std::string who =
      grant.account ? "user " + printable(*grant.account) : std::string("whoever brings it");
  return "restore grant " + grant.id.text() + " of " + printable(signer) + "\n  device       " +
         grant.device.text() + "\n  for          " + who + "\n  may read     " +
         list_text(trust::scope_texts(grant)) + "\n  restore to   " +
         printable(grant.destination.text()) + "\n  until        " + format_time(grant.expires) +
         "\n  reason       " + printable(grant.reason) + "\n";
}

}  // namespace

Result<Answer> grant(const Context& context, const GrantOptions& options) {
  if (options.out.empty() && options.qr.empty()) {
    return fail(ErrorKind::kInvalidInput, "grant: give --out, --qr, or both");
  }
  ASSIGN_OR_RETURN(const Signer signer, Signer::open(context.folder));
  ASSIGN_OR_RETURN(const trust::RestoreGrant wanted,
                   grant_of(options, signer.partner(), context.now));
  ASSIGN_OR_RETURN(const crypto::SigningKey key, grant_signer(signer, context, options));
  const std::string document = trust::make_grant(wanted, key);
  // What a device would refuse is not handed out: too long, a reason or path that nobody can read.
  ASSIGN_OR_RETURN(const trust::VerifiedGrant checked,
                   trust::verify_grant(document, signer.trust(), wanted.device, context.now));
  ordered_json out = grant_json(checked.grant, checked.signer.name);
  std::string text = grant_text(checked.grant, checked.signer.name);
  out["bytes"] = document.size();
  if (!options.out.empty()) {
    // Whoever has it may use it, where it names no account.
    TRY(write_output(options.out, document + "\n", /*secret=*/true));
    out["file"] = options.out;
    text = printable(options.out) + ": " + text;
  }
  if (!options.qr.empty()) {
    ASSIGN_OR_RETURN(const QrCode code, make_qr_code(document));
    if (options.qr == "-") {
      text += "\n" + to_blocks(code);
    } else {
      TRY(write_output(options.qr, to_svg(code), /*secret=*/true));
      out["qr"] = options.qr;
    }
    out["qr_modules"] = code.width;
  }
  return answer(out, text);
}

Result<Answer> verify_grant_document(const Signer& signer, const std::string& text, Instant now) {
  ASSIGN_OR_RETURN(const trust::SignedGrant read, trust::read_grant(text));
  ASSIGN_OR_RETURN(const trust::VerifiedGrant checked,
                   trust::verify_grant(text, signer.trust(), read.grant.device, now));
  return answer(grant_json(checked.grant, checked.signer.name),
                grant_text(checked.grant, checked.signer.name));
}

}  // namespace obhut::sign
