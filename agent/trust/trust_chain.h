#pragma once
// From the pinned root to the operator: whom an endpoint (or a cluster) believes.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/trust/trust_list.h"

namespace obhut::trust {

enum class Standing : std::uint8_t {
  kGood,
  kUnknown,  ///< not in the list, or there is no list yet
  kRevoked,
  kExpired,  ///< the operator's key
  kRoleMissing,
  kListExpired,  ///< a newer trust list is needed
};
std::string_view to_string(Standing standing);

/// The pinned root and the newest trust list seen. The caller passes the latest time it ever saw,
/// so that a clock set back brings no expired key to life.
class TrustChain {
 public:
  static TrustChain pinned_to(const PartnerId& partner, const SigningKeyId& root);
  /// The inverse of state(); the stored list is proved again.
  /// Errors: kCorrupt.
  static Result<TrustChain> from_state(std::string_view json);
  [[nodiscard]] std::string state() const;

  /// Takes a newer list. True where it changed something, false where it is the one already held.
  /// A list signed by the successor that the held list names pins that successor, for good: the
  /// old root's lists are foreign from then on. Whoever missed lists is given them in order.
  /// Errors: kInvalidInput, kCrypto as read_trust_list(); kRefused for another partner, another
  /// root, an older serial, or the same serial with other content.
  Result<bool> update(std::string_view document);

  [[nodiscard]] const PartnerId& partner() const { return partner_; }
  [[nodiscard]] const SigningKeyId& root() const { return root_; }
  /// 0 before the first list.
  [[nodiscard]] std::uint64_t serial() const { return list_ ? list_->serial : 0; }
  [[nodiscard]] const std::optional<TrustList>& list() const { return list_; }
  /// The newest list as it was received, to hand on; empty before the first.
  [[nodiscard]] const std::string& document() const { return document_; }

  [[nodiscard]] Standing standing(const SigningKeyId& key, OperatorRole role, Instant now) const;
  /// Errors: kRefused naming the operator and what is wrong.
  Result<Operator> require(const SigningKeyId& key, OperatorRole role, Instant now) const;
  [[nodiscard]] const Operator* find(const SigningKeyId& key) const;

 private:
  TrustChain(const PartnerId& partner, const SigningKeyId& root) : partner_(partner), root_(root) {}
  PartnerId partner_;
  SigningKeyId root_;
  std::optional<TrustList> list_;
  std::string document_;
};

}  // namespace obhut::trust
