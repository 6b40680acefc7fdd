#pragma once
// obhut.trust/1: the partner's root says which operator keys may do what.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/crypto/signing.h"

namespace obhut::trust {

enum class OperatorRole : std::uint8_t {
  kPlan = 1,     ///< sign protection plans
  kEnroll = 2,   ///< sign registration tokens
  kRestore = 4,  ///< sign restore grants
};

/// "plan", "enroll", "restore".
std::string_view to_string(OperatorRole role);
std::optional<OperatorRole> parse_role(std::string_view text);

struct Operator {
  SigningKeyId key;
  std::string name;
  std::uint8_t roles = 0;  ///< OperatorRole bits
  Instant expires{};
  [[nodiscard]] bool has(OperatorRole role) const {
    return (roles & static_cast<std::uint8_t>(role)) != 0;
  }
  friend bool operator==(const Operator&, const Operator&) = default;
};

struct TrustList {
  PartnerId partner;
  std::uint64_t serial = 0;  ///< grows with every list; from 1
  Instant issued{};
  /// After this no operator is believed until a newer list arrives: it bounds how long a cluster
  /// can hide a revocation. Nothing: operators' own expiry alone bounds it.
  std::optional<Instant> expires;
  SigningKeyId root;
  std::vector<Operator> operators;  ///< distinct keys
  std::vector<SigningKeyId> revoked;
  std::optional<SigningKeyId> successor;  ///< the root that may sign the next lists
  friend bool operator==(const TrustList&, const TrustList&) = default;
};

/// In: `root` is the key that `list.root` names. Times are kept to the second.
std::string make_trust_list(const TrustList& list, const crypto::SigningKey& root);

/// Proves that the document is signed, once, by the root it names; that this root is the right one
/// is TrustChain's to say.
/// Errors: kInvalidInput, kCrypto.
Result<TrustList> read_trust_list(std::string_view document);

}  // namespace obhut::trust
