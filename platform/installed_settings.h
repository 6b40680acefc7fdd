#pragma once
// What the installer was told, where it cannot write a file: Windows' registry.

#include <map>
#include <string>

#include "agent/base/result.h"

namespace obhut::platform {

/// Names and values, none of them empty. Nothing where the system's installer writes files.
std::map<std::string, std::string> installed_settings();
/// Fine where there is none of that name.
Result<void> forget_installed_setting(const std::string& name);

}  // namespace obhut::platform
