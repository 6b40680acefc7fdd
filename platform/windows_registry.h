#pragma once
// Reading the registry. Windows only.

#include <string>
#include <vector>

#include "platform/win.h"

namespace obhut::platform::win {

struct RegistryValue {
  std::string name;
  DWORD type = 0;
  /// One for REG_SZ and REG_EXPAND_SZ, all of REG_MULTI_SZ; none of another type. As they stand
  /// there: with the variables.
  std::vector<std::wstring> texts;
};

/// Of the key `path` of this machine; empty where it is missing or not ours to read.
std::vector<RegistryValue> registry_values(const wchar_t* path);

}  // namespace obhut::platform::win
