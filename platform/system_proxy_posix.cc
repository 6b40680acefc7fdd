#include <cstdlib>
#include <string_view>

#include "platform/system_proxy.h"
#include "platform/url_host.h"

namespace obhut::platform {
namespace {

std::string variable(const char* small, const char* large) {
  for (const char* name : {small, large}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return {};
}

/// A name, or a domain with or without a dot before it; "*" is everything.
bool is_exempt(std::string_view host, std::string_view exempt) {
  while (!exempt.empty()) {
    const std::size_t comma = std::min(exempt.find(','), exempt.size());
    std::string_view name = exempt.substr(0, comma);
    exempt.remove_prefix(std::min(comma + 1, exempt.size()));
    while (name.starts_with(' ') || name.starts_with('.')) name.remove_prefix(1);
    while (name.ends_with(' ')) name.remove_suffix(1);
    if (name.empty()) continue;
    if (name == "*" || name == host) return true;
    if (host.size() > name.size() && host.ends_with(name) &&
        host[host.size() - name.size() - 1] == '.') {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string system_proxy(const std::string& url) {
  const std::string_view host = host_of(url);
  if (host == "localhost" || host == "::1" || host.starts_with("127.")) return {};
  std::string proxy = variable("https_proxy", "HTTPS_PROXY");
  if (proxy.empty()) proxy = variable("all_proxy", "ALL_PROXY");
  if (proxy.empty() || is_exempt(host, variable("no_proxy", "NO_PROXY"))) return {};
  return proxy.find("://") == std::string::npos ? "http://" + proxy : proxy;
}

}  // namespace obhut::platform
