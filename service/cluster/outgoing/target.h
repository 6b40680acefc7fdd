#pragma once
// The URL that a partner gives us to call: read by the library that will call it, so that both mean
// the same host.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "service/cluster/outgoing/address.h"

namespace obhut::cluster::outgoing {

struct Target {
  std::string url;   ///< with every spelling of an address (0x7f.1, 2130706433) made the usual one
  std::string host;  ///< a name or an address, without brackets
  std::uint16_t port = 443;
};

/// HTTPS alone, at port 443 or above 1023, without credentials and fragment.
/// Errors: kInvalidInput saying what is wrong.
Result<Target> parse_target(std::string_view url);

/// All addresses of a host, at least one. Errors: kNotFound.
using Resolve = std::function<Result<std::vector<Address>>(const std::string& host)>;
/// By the system's resolver: may take many seconds.
Result<std::vector<Address>> resolve(const std::string& host);

/// Errors: kRefused where any of the host's addresses is not for us to send to; as `resolve`.
Result<void> check_target(const Target& target, const AddressPolicy& policy,
                          const Resolve& resolve);

}  // namespace obhut::cluster::outgoing
