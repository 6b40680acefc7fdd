#include "platform/backup_exclusions.h"
#include "platform/win.h"
#include "platform/windows_registry.h"

namespace obhut::platform {
namespace {

constexpr const wchar_t* kList =
    L"SYSTEM\\CurrentControlSet\\Control\\BackupRestore\\FilesNotToBackup";

std::wstring with_variables(const std::wstring& text) {
  std::wstring full(32768, L'\0');
  const DWORD size =
      ::ExpandEnvironmentStringsW(text.c_str(), full.data(), static_cast<DWORD>(full.size()));
  if (size == 0 || size > full.size()) return text;
  full.resize(size - 1);
  return full;
}

}  // namespace

BackupExclusions backup_exclusions() {
  BackupExclusions exclusions;
  const std::string profiles = win::known_folder(FOLDERID_UserProfiles, "/C/Users");
  // Of no use on another day, also where the list was emptied: memory, and the snapshots
  // themselves.
  for (const std::string_view always :
       {"\\pagefile.sys", "\\hiberfil.sys", "\\swapfile.sys",
        "\\System Volume Information\\*{3808876b-c176-4e48-b7ae-04046e6cc752} /s"}) {
    add_exclusion(always, profiles, exclusions);
  }
  for (const win::RegistryValue& value : win::registry_values(kList)) {
    for (const std::wstring& line : value.texts) {
      add_exclusion(win::to_wtf8(with_variables(line)), profiles, exclusions);
    }
  }
  return exclusions;
}

}  // namespace obhut::platform
