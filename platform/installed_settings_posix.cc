#include "platform/installed_settings.h"

namespace obhut::platform {

std::map<std::string, std::string> installed_settings() {
  return {};
}

bool waits_for_restart() {
  return false;
}

Result<void> forget_installed_settings() {
  return {};
}

}  // namespace obhut::platform
