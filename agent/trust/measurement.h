#pragma once
// What a device measured at a place that the cluster does not see: the stored bytes of a local
// vault. The device's signature is all that vouches for it.

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/crypto/signing.h"

namespace obhut::trust {

/// More than any disk: what is beyond is a mistake.
inline constexpr std::uint64_t kMostMeasuredBytes = 1'000'000'000'000'000'000;

/// obhut.measurement/1, signed by the device's key.
struct Measurement {
  DeviceId device;
  VaultId vault;
  /// Counts up for this device and vault: of two, the one with the higher number holds.
  std::uint64_t number = 0;
  std::uint64_t bytes = 0;
  Instant measured_at{};  ///< by the device's clock, which nobody believes
};
std::string make_measurement(const Measurement& measurement, const crypto::SigningKey& device_key);
/// Errors: kInvalidInput, also beyond kMostMeasuredBytes; kCrypto; kRefused for another signer than
/// `device_key`.
Result<Measurement> read_measurement(std::string_view text, const SigningKeyId& device_key);

}  // namespace obhut::trust
