#include "platform/service_host.h"

namespace obhut::platform {

// systemd starts a service like any program, and speaks to it by signals.
std::optional<int> run_as_service(const std::string& /*name*/,
                                  const std::function<int(ServiceHost&)>& /*run*/) {
  return std::nullopt;
}

}  // namespace obhut::platform
