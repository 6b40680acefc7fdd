#include <array>
#include <utility>
#include <vector>

#include "platform/installed_settings.h"
#include "platform/windows_rights.h"

namespace obhut::platform {
namespace {

/// Where the package writes what it was told; gone with the package.
constexpr const wchar_t* kSetup = L"SOFTWARE\\Obhut\\Setup";
/// Where we keep it. An upgrade, whose package was told nothing, changes nothing here.
constexpr const wchar_t* kAgent = L"SOFTWARE\\Obhut\\Agent";

using Settings = std::map<std::string, std::string>;

class Key {
 public:
  Key(const wchar_t* path, REGSAM access) {
    if (::RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, access | KEY_WOW64_64KEY, &key_) !=
        ERROR_SUCCESS) {
      key_ = nullptr;
    }
  }
  /// Made where it is missing, for administrators alone.
  static Key made(const wchar_t* path) {
    Key key;
    win::PrivateRights rights;
    if (::RegCreateKeyExW(HKEY_LOCAL_MACHINE, path, 0, nullptr, 0, KEY_SET_VALUE | KEY_WOW64_64KEY,
                          rights.get(), &key.key_, nullptr) != ERROR_SUCCESS) {
      key.key_ = nullptr;
    }
    return key;
  }
  Key(Key&& other) noexcept : key_(std::exchange(other.key_, nullptr)) {}
  Key& operator=(Key&&) = delete;
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;
  ~Key() {
    if (key_ != nullptr) ::RegCloseKey(key_);
  }
  [[nodiscard]] HKEY get() const { return key_; }

 private:
  Key() = default;
  HKEY key_ = nullptr;
};

Settings settings_in(const wchar_t* path) {
  Settings settings;
  const Key key(path, KEY_QUERY_VALUE);
  if (key.get() == nullptr) return settings;
  for (DWORD i = 0;; ++i) {
    std::array<wchar_t, 256> name{};
    std::vector<wchar_t> value(32768);
    auto name_size = static_cast<DWORD>(name.size());
    auto value_bytes = static_cast<DWORD>(value.size() * sizeof(wchar_t));
    DWORD type = 0;
    const LSTATUS code = ::RegEnumValueW(key.get(), i, name.data(), &name_size, nullptr, &type,
                                         reinterpret_cast<BYTE*>(value.data()), &value_bytes);
    if (code == ERROR_MORE_DATA) continue;  // none of ours is that long
    if (code != ERROR_SUCCESS) return settings;
    if (type != REG_SZ) continue;
    std::wstring_view text(value.data(), value_bytes / sizeof(wchar_t));
    while (text.ends_with(L'\0')) text.remove_suffix(1);
    if (!text.empty()) settings[win::to_wtf8({name.data(), name_size})] = win::to_wtf8(text);
  }
}

bool write(const Key& key, const std::string& name, const std::string& value) {
  const std::optional<std::wstring> wide_name = win::to_wide(name);
  const std::optional<std::wstring> wide = win::to_wide(value);
  if (key.get() == nullptr || !wide_name || !wide) return false;
  return ::RegSetValueExW(
             key.get(), wide_name->c_str(), 0, REG_SZ, reinterpret_cast<const BYTE*>(wide->c_str()),
             static_cast<DWORD>((wide->size() + 1) * sizeof(wchar_t))) == ERROR_SUCCESS;
}

}  // namespace

Settings installed_settings() {
  Settings kept = settings_in(kAgent);
  const Settings told = settings_in(kSetup);
  for (const auto& [name, value] : told) {
    if (kept[name] == value) continue;
    kept[name] = value;
    // Without the right to write it holds for this once.
    static_cast<void>(write(Key::made(kAgent), name, value));
  }
  return kept;
}

Result<void> forget_installed_settings() {
  const LSTATUS code = ::RegDeleteTreeW(HKEY_LOCAL_MACHINE, kAgent);
  if (code == ERROR_SUCCESS || code == ERROR_FILE_NOT_FOUND) return {};
  return win::failure_of(static_cast<DWORD>(code), "remove from the registry", "Obhut");
}

}  // namespace obhut::platform
