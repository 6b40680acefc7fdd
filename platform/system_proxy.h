#pragma once
// The proxy through which this machine reaches the network.

#include <string>

namespace obhut::platform {

/// "http://host:port" for who asks for `url`; "" for the direct way. Asked each time, since
/// machines move; may take seconds where the network is asked for its proxy (WPAD). On Windows:
/// what was set for the machine (netsh winhttp), else what the account's settings say. Elsewhere:
/// HTTPS_PROXY and NO_PROXY of the environment, as curl reads them, and never one for this machine
/// itself.
std::string system_proxy(const std::string& url);

}  // namespace obhut::platform
