#include "platform/windows_registry.h"

#include <array>

namespace obhut::platform::win {
namespace {

/// What lies between the zeros.
std::vector<std::wstring> texts_in(std::wstring_view data) {
  std::vector<std::wstring> texts;
  while (!data.empty()) {
    const std::size_t end = std::min(data.find(L'\0'), data.size());
    if (end > 0) texts.emplace_back(data.substr(0, end));
    data.remove_prefix(std::min(end + 1, data.size()));
  }
  return texts;
}

}  // namespace

std::vector<RegistryValue> registry_values(const wchar_t* path) {
  std::vector<RegistryValue> values;
  HKEY key = nullptr;
  if (::RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, KEY_QUERY_VALUE | KEY_WOW64_64KEY, &key) !=
      ERROR_SUCCESS) {
    return values;
  }
  constexpr std::size_t kLongest = 8U << 20U;
  std::vector<wchar_t> data(4096);
  for (DWORD i = 0;;) {
    std::array<wchar_t, 16384> name{};  // the longest that there can be
    auto name_size = static_cast<DWORD>(name.size());
    auto bytes = static_cast<DWORD>(data.size() * sizeof(wchar_t));
    DWORD type = 0;
    const LSTATUS code = ::RegEnumValueW(key, i, name.data(), &name_size, nullptr, &type,
                                         reinterpret_cast<BYTE*>(data.data()), &bytes);
    if (code == ERROR_MORE_DATA && data.size() < kLongest) {
      data.resize(data.size() * 2);
      continue;
    }
    if (code != ERROR_SUCCESS && code != ERROR_MORE_DATA) break;
    ++i;
    if (code != ERROR_SUCCESS) continue;
    RegistryValue value{to_wtf8({name.data(), name_size}), type, {}};
    if (type == REG_SZ || type == REG_EXPAND_SZ || type == REG_MULTI_SZ) {
      value.texts = texts_in({data.data(), bytes / sizeof(wchar_t)});
    }
    values.push_back(std::move(value));
  }
  ::RegCloseKey(key);
  return values;
}

}  // namespace obhut::platform::win
