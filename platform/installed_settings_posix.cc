#include "platform/installed_settings.h"

namespace obhut::platform {

std::map<std::string, std::string> installed_settings() {
  return {};
}

Result<void> forget_installed_settings() {
  return {};
}

}  // namespace obhut::platform
