#include "agent/trust/trust_chain.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/trust/fields.h"

namespace obhut::trust {
namespace {

constexpr std::string_view kStateSchema = "obhut.trust-state/1";

std::string short_text(const SigningKeyId& key) {
  return key.text().substr(0, 16);
}

std::string name_of(const TrustChain& chain, const SigningKeyId& key) {
  const Operator* entry = chain.find(key);
  return entry ? printable(entry->name) + " (" + short_text(key) + ")" : short_text(key);
}

}  // namespace

std::string_view to_string(Standing standing) {
  switch (standing) {
    case Standing::kGood:
      return "good";
    case Standing::kUnknown:
      return "unknown";
    case Standing::kRevoked:
      return "revoked";
    case Standing::kExpired:
      return "expired";
    case Standing::kRoleMissing:
      return "role-missing";
    case Standing::kListExpired:
      return "list-expired";
  }
  return "unknown";
}

TrustChain TrustChain::pinned_to(const PartnerId& partner, const SigningKeyId& root) {
  return TrustChain(partner, root);
}

std::string TrustChain::state() const {
  const nlohmann::ordered_json value = {{"schema", kStateSchema},
                                        {"partner", partner_.text()},
                                        {"root", root_.text()},
                                        {"list", document_}};
  return value.dump();
}

Result<TrustChain> TrustChain::from_state(std::string_view json) {
  const auto corrupt = [](Error&& error) {
    return fail(ErrorKind::kCorrupt, "stored trust: " + error.message);
  };
  Result<nlohmann::json> value = parse_payload(json, kStateSchema);
  if (!value) return corrupt(std::move(value).error());
  Fields fields(*value, kStateSchema, {"schema", "partner", "root", "list"});
  TrustChain chain(fields.id<PartnerId>("partner"), fields.id<SigningKeyId>("root"));
  const nlohmann::json& list = fields.member("list");
  if (!list.is_string()) fields.reject("list", "must be text");
  if (Result<void> read = fields.finish(); !read) return corrupt(std::move(read).error());
  const std::string document = list.get<std::string>();
  if (document.empty()) return chain;
  if (Result<bool> updated = chain.update(document); !updated) {
    return corrupt(std::move(updated).error());
  }
  return chain;
}

Result<bool> TrustChain::update(std::string_view document) {
  ASSIGN_OR_RETURN(TrustList list, read_trust_list(document));
  if (list.partner != partner_) {
    return fail(ErrorKind::kRefused,
                "trust list: belongs to another partner, " + list.partner.text());
  }
  const bool succeeds = list_ && list_->successor == list.root;
  if (list.root != root_ && !succeeds) {
    return fail(ErrorKind::kRefused, "trust list: signed by another root, " +
                                         short_text(list.root) + ", than the pinned one, " +
                                         short_text(root_));
  }
  if (list.serial < serial()) {
    return fail(ErrorKind::kRefused, "trust list: serial " + std::to_string(list.serial) +
                                         " is older than the one held, " +
                                         std::to_string(serial()));
  }
  if (list_ && list.serial == list_->serial) {
    if (list == *list_) return false;
    return fail(ErrorKind::kRefused, "trust list: serial " + std::to_string(list.serial) +
                                         " is held already with other content");
  }
  root_ = list.root;
  list_ = std::move(list);
  document_ = document;
  return true;
}

const Operator* TrustChain::find(const SigningKeyId& key) const {
  if (!list_) return nullptr;
  const auto found = std::ranges::find(list_->operators, key, &Operator::key);
  return found == list_->operators.end() ? nullptr : &*found;
}

Standing TrustChain::standing(const SigningKeyId& key, OperatorRole role, Instant now) const {
  if (!list_) return Standing::kUnknown;
  if (std::ranges::find(list_->revoked, key) != list_->revoked.end()) return Standing::kRevoked;
  const Operator* entry = find(key);
  if (entry == nullptr) return Standing::kUnknown;
  if (list_->expires && now >= *list_->expires) return Standing::kListExpired;
  if (now >= entry->expires) return Standing::kExpired;
  if (!entry->has(role)) return Standing::kRoleMissing;
  return Standing::kGood;
}

Result<Operator> TrustChain::require(const SigningKeyId& key, OperatorRole role,
                                     Instant now) const {
  const std::string name = "operator " + name_of(*this, key);
  switch (standing(key, role, now)) {
    case Standing::kGood:
      return *find(key);
    case Standing::kUnknown:
      return fail(ErrorKind::kRefused, name + ": not in the partner's trust list");
    case Standing::kRevoked:
      return fail(ErrorKind::kRefused, name + ": revoked by the partner's root");
    case Standing::kExpired:
      return fail(ErrorKind::kRefused,
                  name + ": key expired on " + format_time(find(key)->expires));
    case Standing::kRoleMissing:
      return fail(ErrorKind::kRefused,
                  name + ": has no role \"" + std::string(to_string(role)) + "\"");
    case Standing::kListExpired:
      return fail(ErrorKind::kRefused, name + ": the partner's trust list expired on " +
                                           format_time(*list_->expires) +
                                           ", a newer one is needed");
  }
  return fail(ErrorKind::kInternal, name + ": no standing");
}

}  // namespace obhut::trust
