#include "agent/trust/grant.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/trust/fields.h"
#include "agent/trust/jws.h"

namespace obhut::trust {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::string_view kGrantSchema = "obhut.grant/1";
constexpr std::string_view kOriginalWord = "original";
constexpr std::string_view kAnywhereWord = "any";
constexpr std::size_t kLongestPath = 512;
constexpr std::size_t kLongestReason = 200;
constexpr std::size_t kLongestAccount = 128;

std::string absolute(const model::RelPath& path) {
  return "/" + path.bytes();
}

/// One spelling a path: what is compared byte by byte must not have two.
Result<model::RelPath> parse_absolute(std::string_view text) {
  if (!text.starts_with('/') || text.size() > kLongestPath) {
    return fail(ErrorKind::kInvalidInput, "must be an absolute path of at most 512 bytes");
  }
  return model::RelPath::parse(text.substr(1));
}

std::vector<model::RelPath> read_scope(Fields& fields) {
  std::vector<model::RelPath> scope;
  const json& paths = fields.member("scope");
  if (!paths.is_array() || paths.empty() || paths.size() > kMaxGrantPaths) {
    fields.reject("scope", "must be an array of 1 to 16 paths");
    return scope;
  }
  for (const json& path : paths) {
    Result<model::RelPath> parsed = path.is_string()
                                        ? parse_absolute(path.get_ref<const std::string&>())
                                        : fail(ErrorKind::kInvalidInput, "must hold texts");
    if (!parsed) {
      fields.reject("scope", parsed.error().message);
      return scope;
    }
    scope.push_back(std::move(*parsed));
  }
  return scope;
}

GrantDestination read_destination(Fields& fields) {
  Result<GrantDestination> parsed =
      GrantDestination::parse(fields.text("destination", kLongestPath));
  if (parsed) return std::move(*parsed);
  fields.reject("destination", parsed.error().message);
  return {};
}

Result<RestoreGrant> parse_grant(std::string_view payload) {
  ASSIGN_OR_RETURN(const json value, parse_payload(payload, kGrantSchema));
  Fields fields(value, kGrantSchema,
                {"schema", "id", "partner", "device", "scope", "destination", "not_before",
                 "expires", "reason"},
                {"vault", "account"});
  RestoreGrant grant;
  grant.id = fields.id<GrantId>("id");
  grant.partner = fields.id<PartnerId>("partner");
  grant.device = fields.id<DeviceId>("device");
  if (fields.has("vault")) grant.vault = fields.id<VaultId>("vault");
  grant.scope = read_scope(fields);
  if (fields.has("account")) grant.account = fields.text("account", kLongestAccount);
  grant.destination = read_destination(fields);
  grant.not_before = fields.time("not_before");
  grant.expires = fields.time("expires");
  if (grant.expires <= grant.not_before) fields.reject("expires", "must be after not_before");
  if (grant.expires - grant.not_before > kLongestGrant) {
    fields.reject("expires", "must be at most 31 days after not_before");
  }
  grant.reason = fields.text("reason", kLongestReason);
  TRY(fields.finish());
  return grant;
}

}  // namespace

std::string GrantDestination::text() const {
  switch (rule) {
    case DestinationRule::kOriginal:
      return std::string(kOriginalWord);
    case DestinationRule::kFolder:
      return folder;
    case DestinationRule::kAnywhere:
      break;
  }
  return std::string(kAnywhereWord);
}

Result<GrantDestination> GrantDestination::parse(std::string_view text) {
  if (text == kOriginalWord) return GrantDestination{DestinationRule::kOriginal};
  if (text == kAnywhereWord) return GrantDestination{DestinationRule::kAnywhere};
  Result<model::RelPath> folder = parse_absolute(text);
  if (!folder || folder->is_root()) {
    return fail(ErrorKind::kInvalidInput, "must be original, any, or a folder's absolute path");
  }
  return GrantDestination{DestinationRule::kFolder, absolute(*folder)};
}

std::vector<std::string> scope_texts(const RestoreGrant& grant) {
  std::vector<std::string> texts;
  texts.reserve(grant.scope.size());
  for (const model::RelPath& path : grant.scope) texts.push_back(absolute(path));
  return texts;
}

std::string make_grant(const RestoreGrant& grant, const crypto::SigningKey& signer) {
  ordered_json value = {{"schema", kGrantSchema},
                        {"id", grant.id.text()},
                        {"partner", grant.partner.text()},
                        {"device", grant.device.text()}};
  if (grant.vault) value["vault"] = grant.vault->text();
  value["scope"] = scope_texts(grant);
  if (grant.account) value["account"] = *grant.account;
  value["destination"] = grant.destination.text();
  value["not_before"] = format_time(grant.not_before);
  value["expires"] = format_time(grant.expires);
  value["reason"] = grant.reason;
  return sign_compact(signer, kGrantType, value.dump());
}

Result<SignedGrant> read_grant(std::string_view text) {
  const std::string_view document = trimmed(text);
  if (document.size() > kGrantLimit) {
    return fail(ErrorKind::kInvalidInput, "restore grant: longer than 1800 bytes");
  }
  ASSIGN_OR_RETURN(const SignedPayload opened, open_compact(document, kGrantType));
  ASSIGN_OR_RETURN(RestoreGrant grant, parse_grant(opened.payload));
  return SignedGrant{std::move(grant), opened.signers.front()};
}

Result<VerifiedGrant> verify_grant(std::string_view text, const TrustChain& trust,
                                   const DeviceId& device, Instant now) {
  ASSIGN_OR_RETURN(SignedGrant read, read_grant(text));
  const RestoreGrant& grant = read.grant;
  if (grant.partner != trust.partner()) {
    return fail(ErrorKind::kRefused,
                "restore grant: belongs to another partner, " + grant.partner.text());
  }
  Result<Operator> signer = trust.require(read.signer, OperatorRole::kRestore, now);
  if (!signer) return pass_on(std::move(signer).error(), "restore grant");
  if (grant.device != device) {
    return fail(ErrorKind::kRefused,
                "restore grant: made for another device, " + grant.device.text());
  }
  if (now >= grant.expires) {
    return fail(ErrorKind::kRefused, "restore grant: expired on " + format_time(grant.expires));
  }
  return VerifiedGrant{std::move(read.grant), std::move(*signer)};
}

}  // namespace obhut::trust
