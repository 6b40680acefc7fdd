#include "agent/trust/trust_list.h"

#include <algorithm>
#include <array>
#include <set>

#include <nlohmann/json.hpp>

#include "agent/base/check.h"
#include "agent/base/time_text.h"
#include "agent/trust/fields.h"
#include "agent/trust/jws.h"

namespace obhut::trust {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::string_view kSchema = "obhut.trust/1";
constexpr std::size_t kMaxOperators = 1000;
constexpr std::size_t kMaxRevoked = 10'000;
constexpr std::array kRoles = {OperatorRole::kPlan, OperatorRole::kEnroll, OperatorRole::kRestore};

ordered_json operator_json(const Operator& entry) {
  ordered_json roles = ordered_json::array();
  for (OperatorRole role : kRoles) {
    if (entry.has(role)) roles.push_back(to_string(role));
  }
  return {{"key", entry.key.text()},
          {"name", entry.name},
          {"roles", std::move(roles)},
          {"expires", format_time(entry.expires)}};
}

Result<std::uint8_t> read_roles(const json& value) {
  std::uint8_t roles = 0;
  if (value.is_array()) {
    for (const json& role : value) {
      const std::optional<OperatorRole> known =
          role.is_string() ? parse_role(role.get<std::string>()) : std::nullopt;
      // A role of a later version must not keep the others from working.
      if (known) roles = static_cast<std::uint8_t>(roles | static_cast<std::uint8_t>(*known));
    }
  }
  if (!value.is_array() || value.empty() || value.size() > 16) {
    return fail(ErrorKind::kInvalidInput, "obhut.trust/1: roles must be an array of 1 to 16");
  }
  return roles;
}

Result<std::vector<Operator>> read_operators(const json& value) {
  if (!value.is_array() || value.size() > kMaxOperators) {
    return fail(ErrorKind::kInvalidInput,
                "obhut.trust/1: operators must be an array, at most 1000");
  }
  std::vector<Operator> operators;
  std::set<SigningKeyId> seen;
  for (const json& entry : value) {
    Fields fields(entry, "obhut.trust/1: operator", {"key", "name", "roles", "expires"});
    Operator read;
    read.key = fields.id<SigningKeyId>("key");
    read.name = fields.text("name", 128);
    read.expires = fields.time("expires");
    if (!seen.insert(read.key).second) fields.reject("key", "stands twice");
    TRY(fields.finish());
    ASSIGN_OR_RETURN(read.roles, read_roles(entry["roles"]));
    operators.push_back(std::move(read));
  }
  return operators;
}

Result<std::vector<SigningKeyId>> read_revoked(const json& value) {
  if (!value.is_array() || value.size() > kMaxRevoked) {
    return fail(ErrorKind::kInvalidInput, "obhut.trust/1: revoked must be an array, at most 10000");
  }
  std::vector<SigningKeyId> revoked;
  for (const json& entry : value) {
    const std::optional<SigningKeyId> key =
        entry.is_string() ? SigningKeyId::parse(entry.get<std::string>()) : std::nullopt;
    if (!key) return fail(ErrorKind::kInvalidInput, "obhut.trust/1: revoked must hold keys in hex");
    revoked.push_back(*key);
  }
  return revoked;
}

Result<TrustList> parse_list(std::string_view payload) {
  ASSIGN_OR_RETURN(const json value, parse_payload(payload, kSchema));
  Fields fields(value, kSchema,
                {"schema", "partner", "serial", "issued", "root", "operators", "revoked"},
                {"expires", "successor"});
  TrustList list;
  list.partner = fields.id<PartnerId>("partner");
  list.serial = fields.number("serial", 1, std::uint64_t{1} << 53U);
  list.issued = fields.time("issued");
  list.root = fields.id<SigningKeyId>("root");
  if (fields.has("expires")) list.expires = fields.time("expires");
  if (fields.has("successor")) list.successor = fields.id<SigningKeyId>("successor");
  if (list.successor == list.root) fields.reject("successor", "is the root itself");
  TRY(fields.finish());
  ASSIGN_OR_RETURN(list.operators, read_operators(value["operators"]));
  ASSIGN_OR_RETURN(list.revoked, read_revoked(value["revoked"]));
  return list;
}

}  // namespace

std::string_view to_string(OperatorRole role) {
  switch (role) {
    case OperatorRole::kPlan:
      return "plan";
    case OperatorRole::kEnroll:
      return "enroll";
    case OperatorRole::kRestore:
      return "restore";
  }
  return "unknown";
}

std::optional<OperatorRole> parse_role(std::string_view text) {
  for (OperatorRole role : kRoles) {
    if (to_string(role) == text) return role;
  }
  return std::nullopt;
}

std::string make_trust_list(const TrustList& list, const crypto::SigningKey& root) {
  CHECK(list.root == root.public_key());
  ordered_json value = {{"schema", kSchema},
                        {"partner", list.partner.text()},
                        {"serial", list.serial},
                        {"issued", format_time(list.issued)}};
  if (list.expires) value["expires"] = format_time(*list.expires);
  value["root"] = list.root.text();
  value["operators"] = ordered_json::array();
  for (const Operator& entry : list.operators) value["operators"].push_back(operator_json(entry));
  value["revoked"] = ordered_json::array();
  for (const SigningKeyId& key : list.revoked) value["revoked"].push_back(key.text());
  if (list.successor) value["successor"] = list.successor->text();
  const crypto::SigningKey* const signers[] = {&root};
  return sign_document(signers, kTrustListType, value.dump());
}

Result<TrustList> read_trust_list(std::string_view document) {
  ASSIGN_OR_RETURN(const SignedPayload signed_list, open_document(document, kTrustListType));
  ASSIGN_OR_RETURN(TrustList list, parse_list(signed_list.payload));
  if (signed_list.signers.size() != 1 || signed_list.signers.front() != list.root) {
    return fail(ErrorKind::kCrypto, "trust list: not signed by the root that it names");
  }
  return list;
}

}  // namespace obhut::trust
