#pragma once
// obhut.grant/1: a partner's operator lets one account of one device read part of what was backed
// up, for a while. It says nothing about writing: that stays with the account's own rights.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/crypto/signing.h"
#include "agent/model/rel_path.h"
#include "agent/trust/grant_id.h"
#include "agent/trust/trust_chain.h"

namespace obhut::trust {

/// A document longer than this is refused unread: with more, cameras fail at its QR code.
inline constexpr std::size_t kGrantLimit = 1800;
inline constexpr std::size_t kMaxGrantPaths = 16;
/// What is to be open for longer is a matter of the system's own rights.
inline constexpr std::chrono::days kLongestGrant{31};
/// How far a clock may be behind the signer's before a new grant counts.
inline constexpr std::chrono::minutes kGrantTolerance{15};

enum class DestinationRule : std::uint8_t {
  kOriginal,  ///< where it was, and nowhere else
  kFolder,    ///< a folder, or below it
  kAnywhere,  ///< wherever the account may write
};

struct GrantDestination {
  DestinationRule rule = DestinationRule::kOriginal;
  std::string folder{};  ///< kFolder: absolute, "/C/x" for a drive of Windows

  /// "original", "any", or the folder's path.
  [[nodiscard]] std::string text() const;
  /// Errors: kInvalidInput.
  static Result<GrantDestination> parse(std::string_view text);
  friend bool operator==(const GrantDestination&, const GrantDestination&) = default;
};

struct RestoreGrant {
  GrantId id;
  PartnerId partner;
  DeviceId device;
  std::optional<VaultId> vault{};  ///< nothing: any that the device can open
  /// These and all below them; the empty path is the whole device. 1 to kMaxGrantPaths.
  std::vector<model::RelPath> scope;
  /// A user's name, "uid:<number>", or a SID. Nothing: whoever brings the document. The signer asks
  /// for one or the other: a file that is lost or a code that is read over somebody's shoulder
  /// opens nothing to a third account where one is named.
  std::optional<std::string> account;
  GrantDestination destination;
  Instant not_before{};
  Instant expires{};
  std::string reason;  ///< for people, and for the device's activities

  /// Where `now` is neither before its time nor after; a clock may be kGrantTolerance behind.
  [[nodiscard]] bool is_open(Instant now) const {
    return not_before <= now + kGrantTolerance && now < expires;
  }
};

/// The scope as absolute paths: "/", "/home/anna".
std::vector<std::string> scope_texts(const RestoreGrant& grant);

/// Times are kept to the second.
std::string make_grant(const RestoreGrant& grant, const crypto::SigningKey& signer);

struct SignedGrant {
  RestoreGrant grant;
  SigningKeyId signer;
};
/// Proves the signature, not the signer. In: white space around the text is ignored.
/// Errors: kInvalidInput, kCrypto.
Result<SignedGrant> read_grant(std::string_view text);

struct VerifiedGrant {
  RestoreGrant grant;
  Operator signer;
};
/// Signed by an operator for restores whom `trust` holds for good, for this device, and not
/// expired. One that begins later is good: is_open() says when.
/// In: `now` is the latest time ever seen.
/// Errors: those of read_grant(); kRefused for another partner or device, the signer, expiry.
Result<VerifiedGrant> verify_grant(std::string_view text, const TrustChain& trust,
                                   const DeviceId& device, Instant now);

}  // namespace obhut::trust
