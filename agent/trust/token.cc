#include "agent/trust/token.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/crypto/digest.h"
#include "agent/trust/fields.h"
#include "agent/trust/jws.h"

namespace obhut::trust {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::string_view kTokenSchema = "obhut.token/1";
constexpr std::string_view kRegistrationSchema = "obhut.registration/1";
constexpr std::size_t kSecretSize = 32;
constexpr std::uint64_t kMaxUses = 100'000;

bool is_kind(std::string_view text) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !text.empty() && text.size() <= 32 && text[0] >= 'a' && text[0] <= 'z' &&
         std::ranges::all_of(text, good);
}

/// https, a host, nothing that could hide another host from a reader.
/// An IPv6 address in brackets is none: the transport reaches IPv6 by names alone.
bool is_cluster_url(std::string_view url) {
  constexpr std::string_view kScheme = "https://";
  if (!url.starts_with(kScheme) || url.back() == '/') return false;
  const std::string_view rest = url.substr(kScheme.size());
  const auto good = [](char c) {
    return c > ' ' && c < '\x7F' &&
           std::string_view("@?#\\\"'<>").find(c) == std::string_view::npos;
  };
  return !rest.empty() && std::string_view("/:[").find(rest[0]) == std::string_view::npos &&
         std::ranges::all_of(rest, good);
}

std::string read_kind(Fields& fields) {
  std::string kind = fields.text("kind", 32);
  if (!is_kind(kind)) fields.reject("kind", "must be a word of a-z, 0-9 and -");
  return kind;
}

/// What moves a device's vaults is for one machine: a second one would take them from the first.
std::optional<DeviceId> read_replaces(Fields& fields, std::uint32_t uses) {
  if (!fields.has("replaces")) return std::nullopt;
  if (uses != 1) fields.reject("uses", "must be 1 where a device is replaced");
  return fields.id<DeviceId>("replaces");
}

Result<RegistrationToken> parse_token(std::string_view payload) {
  ASSIGN_OR_RETURN(const json value, parse_payload(payload, kTokenSchema));
  Fields fields(value, kTokenSchema,
                {"schema", "partner", "customer", "cluster", "ca_pin", "root", "secret", "kind",
                 "created", "expires", "uses"},
                {"trust", "replaces"});
  RegistrationToken token;
  token.partner = fields.id<PartnerId>("partner");
  token.customer = fields.id<CustomerId>("customer");
  token.cluster = fields.text("cluster", 512);
  if (!is_cluster_url(token.cluster))
    fields.reject("cluster", "must be an https URL with a name or an IPv4 address");
  token.ca_pin = fields.id<Sha256>("ca_pin");
  token.root = fields.id<SigningKeyId>("root");
  token.secret = fields.base64url("secret", kSecretSize);
  token.kind = read_kind(fields);
  token.created = fields.time("created");
  token.expires = fields.time("expires");
  if (token.expires <= token.created) fields.reject("expires", "must be after created");
  token.uses = static_cast<std::uint32_t>(fields.number("uses", 1, kMaxUses));
  token.replaces = read_replaces(fields, token.uses);
  if (fields.has("trust")) token.trust = fields.text("trust", kDocumentLimit);
  TRY(fields.finish());
  return token;
}

/// Who `replaces` a device is given its vaults, and that is more than joining.
Result<void> check_signer(const TrustChain& trust, const SigningKeyId& signer, bool replaces,
                          Instant now, std::string_view what) {
  if (signer == trust.root()) return {};
  for (const OperatorRole role : {OperatorRole::kEnroll, OperatorRole::kRestore}) {
    if (role == OperatorRole::kRestore && !replaces) continue;
    Result<Operator> allowed = trust.require(signer, role, now);
    if (!allowed) return pass_on(std::move(allowed).error(), what);
  }
  return {};
}

Result<void> check_not_expired(Instant expires, Instant now, std::string_view what) {
  if (now < expires) return {};
  return fail(ErrorKind::kRefused, std::string(what) + ": expired on " + format_time(expires) +
                                       ", and this clock says " + format_time(now));
}

}  // namespace

std::string make_token(const RegistrationToken& token, const crypto::SigningKey& signer) {
  ordered_json value = {{"schema", kTokenSchema},
                        {"partner", token.partner.text()},
                        {"customer", token.customer.text()},
                        {"cluster", token.cluster},
                        {"ca_pin", token.ca_pin.text()},
                        {"root", token.root.text()},
                        {"secret", to_base64url(token.secret)},
                        {"kind", token.kind},
                        {"created", format_time(token.created)},
                        {"expires", format_time(token.expires)},
                        {"uses", token.uses}};
  if (token.replaces) value["replaces"] = token.replaces->text();
  if (!token.trust.empty()) value["trust"] = token.trust;
  return sign_compact(signer, kTokenType, value.dump());
}

Sha256 token_hash(std::string_view text) {
  return crypto::sha256(as_bytes(trimmed(text)));
}

Result<VerifiedToken> read_token(std::string_view text, Instant now) {
  constexpr std::string_view kWhat = "registration token";
  ASSIGN_OR_RETURN(const SignedPayload opened, open_compact(trimmed(text), kTokenType));
  ASSIGN_OR_RETURN(RegistrationToken token, parse_token(opened.payload));
  TrustChain trust = TrustChain::pinned_to(token.partner, token.root);
  if (!token.trust.empty()) {
    Result<bool> updated = trust.update(token.trust);
    if (!updated) return pass_on(std::move(updated).error(), kWhat);
  }
  TRY(check_signer(trust, opened.signers.front(), token.replaces.has_value(), now, kWhat));
  TRY(check_not_expired(token.expires, now, kWhat));
  return VerifiedToken{std::move(token), opened.signers.front(), token_hash(text),
                       std::move(trust)};
}

std::string make_registration(const RegistrationToken& token, std::string_view token_text,
                              const crypto::SigningKey& signer) {
  ordered_json value = {{"schema", kRegistrationSchema},
                        {"partner", token.partner.text()},
                        {"customer", token.customer.text()},
                        {"token_hash", token_hash(token_text).text()},
                        {"kind", token.kind},
                        {"created", format_time(token.created)},
                        {"expires", format_time(token.expires)},
                        {"uses", token.uses}};
  if (token.replaces) value["replaces"] = token.replaces->text();
  return sign_compact(signer, kRegistrationType, value.dump());
}

Result<TokenRegistration> read_registration(std::string_view text, const TrustChain& trust,
                                            Instant now) {
  constexpr std::string_view kWhat = "token registration";
  ASSIGN_OR_RETURN(const SignedPayload opened, open_compact(trimmed(text), kRegistrationType));
  ASSIGN_OR_RETURN(const json value, parse_payload(opened.payload, kRegistrationSchema));
  Fields fields(
      value, kRegistrationSchema,
      {"schema", "partner", "customer", "token_hash", "kind", "created", "expires", "uses"},
      {"replaces"});
  TokenRegistration out;
  out.partner = fields.id<PartnerId>("partner");
  out.customer = fields.id<CustomerId>("customer");
  out.token_hash = fields.id<Sha256>("token_hash");
  out.kind = read_kind(fields);
  out.created = fields.time("created");
  out.expires = fields.time("expires");
  out.uses = static_cast<std::uint32_t>(fields.number("uses", 1, kMaxUses));
  out.replaces = read_replaces(fields, out.uses);
  TRY(fields.finish());
  if (out.partner != trust.partner()) {
    return fail(ErrorKind::kRefused, "token registration: belongs to another partner");
  }
  TRY(check_signer(trust, opened.signers.front(), out.replaces.has_value(), now, kWhat));
  TRY(check_not_expired(out.expires, now, kWhat));
  return out;
}

}  // namespace obhut::trust
