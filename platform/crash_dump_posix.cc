#include "platform/crash_dump.h"

namespace obhut::platform {

Result<void> keep_crash_dumps(const std::string& /*folder*/) {
  return {};
}

}  // namespace obhut::platform
