#include "platform/detached.h"

namespace obhut::platform {

// What would be started so, a mount, does not exist here.
Result<Started> start_detached(const std::string& /*program*/,
                               const std::vector<std::string>& /*arguments*/) {
  return fail(ErrorKind::kUnsupported, "this system starts nothing in the background");
}

}  // namespace obhut::platform
