#pragma once
// A device's proof of who it is, exchanged for an access token (RFC 7523 section 3, EdDSA).

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/crypto/signing.h"

namespace obhut::trust {

/// An assertion that is valid for longer is refused.
inline constexpr std::chrono::minutes kAssertionLifetime{5};

using InstanceId = Id<struct InstanceTag, 16>;

struct Assertion {
  DeviceId device;
  std::string audience;  ///< the cluster's URL
  std::string nonce;     ///< as the server gave it, at most 128 bytes
  /// By the server's clock, as it came with the nonce: the device's own may be days off.
  Instant issued{};
  Instant expires{};
  std::string id;  ///< unique, at most 64 bytes
  /// Of the process that asks, new with each start: two that take turns are two machines with one
  /// identity. Nothing from agents of the first version.
  std::optional<InstanceId> instance{};
};

std::string make_assertion(const Assertion& assertion, const crypto::SigningKey& device_key);

/// The device that an assertion names, unproved: to look up its key.
/// Errors: kInvalidInput.
Result<DeviceId> claimed_device(std::string_view text);

/// Proves key, audience and time (two minutes of grace); that the nonce is one of ours and unused
/// is for the caller to check.
/// Errors: kInvalidInput, kCrypto; kRefused for another key, another audience, expiry, or a
/// lifetime over kAssertionLifetime.
Result<Assertion> read_assertion(std::string_view text, const SigningKeyId& device_key,
                                 std::string_view audience, Instant now);

}  // namespace obhut::trust
