#pragma once
// Registration tokens: what an endpoint needs to join. The cluster is given the hash alone.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/crypto/signing.h"
#include "agent/trust/trust_chain.h"

namespace obhut::trust {

/// obhut.token/1. Whoever holds the text can enrol: it is a secret until it expires or is used up.
struct RegistrationToken {
  PartnerId partner;
  CustomerId customer;
  std::string cluster;  ///< https URL without a trailing slash
  Sha256 ca_pin;        ///< of the SubjectPublicKeyInfo of the CA that signed the cluster's key
  SigningKeyId root;    ///< the partner's root that the endpoint pins
  Bytes secret;         ///< 32 random bytes: without them nobody can guess the hash
  std::string kind;     ///< "workstation", "server" …: [a-z][a-z0-9-]{0,31}
  Instant created{};
  Instant expires{};
  std::uint32_t uses = 1;
  std::string trust;  ///< the trust list's document, needed where an operator signs; may be empty
  /// The device whose place the new one takes: its licence and its vaults. Such a token has one
  /// use.
  std::optional<DeviceId> replaces{};
};

/// Times are kept to the second.
std::string make_token(const RegistrationToken& token, const crypto::SigningKey& signer);

/// A token that was proved from within: signed by the root it names, or by an operator that this
/// root's list names for enrolment. Trust begins here: whoever hands out the token names the root.
struct VerifiedToken {
  RegistrationToken token;
  SigningKeyId signer;
  Sha256 hash;       ///< what the cluster knows it by
  TrustChain trust;  ///< for the endpoint to keep
};

/// In: white space around the text is ignored.
/// Errors: kInvalidInput, kCrypto; kRefused for an expired token or a signer without the role.
Result<VerifiedToken> read_token(std::string_view text, Instant now);

/// SHA-256 of the token's text, white space around it left out.
Sha256 token_hash(std::string_view text);

/// obhut.registration/1: what the cluster is told about a token, under the signer's name.
struct TokenRegistration {
  PartnerId partner;
  CustomerId customer;
  Sha256 token_hash;
  std::string kind;
  Instant created{};
  Instant expires{};
  std::uint32_t uses = 1;
  std::optional<DeviceId> replaces{};
};
std::string make_registration(const RegistrationToken& token, std::string_view token_text,
                              const crypto::SigningKey& signer);
/// For the cluster: signed by the pinned root or by an operator for enrolment, and not expired.
/// Errors: kInvalidInput, kCrypto, kRefused (other partner, signer, expiry).
Result<TokenRegistration> read_registration(std::string_view text, const TrustChain& trust,
                                            Instant now);

}  // namespace obhut::trust
