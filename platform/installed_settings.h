#pragma once
// What the installer was told, where it cannot write a file: Windows' registry.

#include <map>
#include <string>

#include "agent/base/result.h"

namespace obhut::platform {

/// Names and values, none of them empty: "TokenFile", "Proxy", "Brand". What an earlier
/// installation was told holds on. Nothing where the installer writes files.
std::map<std::string, std::string> installed_settings();
/// True where files of this program are to be replaced or removed when the machine starts next,
/// since somebody had them open: Windows alone.
bool waits_for_restart();
/// At removal.
Result<void> forget_installed_settings();

}  // namespace obhut::platform
