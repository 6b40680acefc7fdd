#pragma once
// Who this endpoint is, once the cluster has countersigned its activation.

#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"

namespace obhut::endpoint {

struct Identity {
  DeviceId device;
  CustomerId customer;
  PartnerId partner;
  std::string cluster;  ///< URL
  Sha256 ca_pin;
  SigningKeyId cluster_key;  ///< under its receipts
  std::string kind;
  std::string workload;
  Instant activated_at{};
  std::string activation;              ///< as it was sent
  std::string receipt;                 ///< as it was received
  std::optional<DeviceId> replaces{};  ///< the lost device whose place this one took
};

nlohmann::json to_json(const Identity& identity);
/// Errors: kCorrupt.
Result<Identity> identity_from_json(const nlohmann::json& value);

}  // namespace obhut::endpoint
