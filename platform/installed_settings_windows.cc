#include <algorithm>
#include <string_view>
#include <utility>

#include "platform/installed_settings.h"
#include "platform/windows_registry.h"
#include "platform/windows_rights.h"

namespace obhut::platform {
namespace {

/// Where the package writes what it was told; gone with the package.
constexpr const wchar_t* kSetup = L"SOFTWARE\\Obhut\\Setup";
/// Where we keep it. An upgrade, whose package was told nothing, changes nothing here.
constexpr const wchar_t* kAgent = L"SOFTWARE\\Obhut\\Agent";

using Settings = std::map<std::string, std::string>;

Settings settings_in(const wchar_t* path) {
  Settings settings;
  for (win::RegistryValue& value : win::registry_values(path)) {
    if (value.type == REG_SZ && !value.texts.empty()) {
      settings[std::move(value.name)] = win::to_wtf8(value.texts.front());
    }
  }
  return settings;
}

/// Made where it is missing, for administrators alone.
bool write(const std::string& name, const std::string& value) {
  const std::optional<std::wstring> wide_name = win::to_wide(name);
  const std::optional<std::wstring> wide = win::to_wide(value);
  if (!wide_name || !wide) return false;
  HKEY key = nullptr;
  win::PrivateRights rights;
  if (::RegCreateKeyExW(HKEY_LOCAL_MACHINE, kAgent, 0, nullptr, 0, KEY_SET_VALUE | KEY_WOW64_64KEY,
                        rights.get(), &key, nullptr) != ERROR_SUCCESS) {
    return false;
  }
  const LSTATUS code = ::RegSetValueExW(key, wide_name->c_str(), 0, REG_SZ,
                                        reinterpret_cast<const BYTE*>(wide->c_str()),
                                        static_cast<DWORD>((wide->size() + 1) * sizeof(wchar_t)));
  ::RegCloseKey(key);
  return code == ERROR_SUCCESS;
}

}  // namespace

Settings installed_settings() {
  Settings kept = settings_in(kAgent);
  const Settings told = settings_in(kSetup);
  for (const auto& [name, value] : told) {
    if (kept[name] == value) continue;
    kept[name] = value;
    // Without the right to write it holds for this once.
    static_cast<void>(write(name, value));
  }
  return kept;
}

bool waits_for_restart() {
  std::wstring own(32768, L'\0');
  own.resize(::GetModuleFileNameW(nullptr, own.data(), static_cast<DWORD>(own.size())));
  own.resize(own.rfind(L'\\') + 1);  // the folder, with its end
  const auto is_ours = [&own](std::wstring_view text) {
    if (text.starts_with(L'!')) text.remove_prefix(1);  // replaces what is there
    if (text.starts_with(L"\\??\\")) text.remove_prefix(4);
    return !own.empty() && text.size() > own.size() &&
           ::CompareStringOrdinal(text.data(), static_cast<int>(own.size()), own.data(),
                                  static_cast<int>(own.size()), TRUE) == CSTR_EQUAL;
  };
  for (const win::RegistryValue& value :
       win::registry_values(L"SYSTEM\\CurrentControlSet\\Control\\Session Manager")) {
    if (value.name == "PendingFileRenameOperations" && std::ranges::any_of(value.texts, is_ours)) {
      return true;
    }
  }
  return false;
}

Result<void> forget_installed_settings() {
  const LSTATUS code = ::RegDeleteTreeW(HKEY_LOCAL_MACHINE, kAgent);
  if (code == ERROR_SUCCESS || code == ERROR_FILE_NOT_FOUND) return {};
  return win::failure_of(static_cast<DWORD>(code), "remove from the registry", "Obhut");
}

}  // namespace obhut::platform
