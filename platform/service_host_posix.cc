#include "platform/service_host.h"

namespace obhut::platform {

// systemd starts a service like any program, and speaks to it by signals.
std::optional<int> run_as_service(const std::string& /*name*/,
                                  const std::function<int(ServiceHost&)>& /*run*/) {
  return std::nullopt;
}

// Open files can be removed here.
void wait_for_others_to_end(std::chrono::milliseconds /*patience*/) {}

}  // namespace obhut::platform
