#include <array>
#include <vector>

#include "platform/installed_settings.h"
#include "platform/win.h"

namespace obhut::platform {
namespace {

constexpr const wchar_t* kKey = L"SOFTWARE\\Obhut\\Agent";

class Key {
 public:
  explicit Key(REGSAM access) {
    if (::RegOpenKeyExW(HKEY_LOCAL_MACHINE, kKey, 0, access | KEY_WOW64_64KEY, &key_) !=
        ERROR_SUCCESS) {
      key_ = nullptr;
    }
  }
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;
  ~Key() {
    if (key_ != nullptr) ::RegCloseKey(key_);
  }
  [[nodiscard]] HKEY get() const { return key_; }

 private:
  HKEY key_ = nullptr;
};

}  // namespace

std::map<std::string, std::string> installed_settings() {
  std::map<std::string, std::string> settings;
  const Key key(KEY_QUERY_VALUE);
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

Result<void> forget_installed_setting(const std::string& name) {
  const Key key(KEY_SET_VALUE);
  const std::optional<std::wstring> wide = win::to_wide(name);
  if (key.get() == nullptr || !wide) return {};
  const LSTATUS code = ::RegDeleteValueW(key.get(), wide->c_str());
  if (code == ERROR_SUCCESS || code == ERROR_FILE_NOT_FOUND) return {};
  return win::failure_of(static_cast<DWORD>(code), "remove from the registry", name);
}

}  // namespace obhut::platform
