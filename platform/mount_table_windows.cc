#include "platform/mount_table.h"
#include "platform/win.h"

namespace obhut::platform {

// What is mounted in a directory shows as a reparse point there, which no walk goes through.
Result<std::vector<Mount>> mount_table() {
  return std::vector<Mount>();
}

std::string path_now(const Handle& directory) {
  if (!directory.valid()) return {};
  std::wstring path(32768, L'\0');
  const DWORD length = ::GetFinalPathNameByHandleW(
      win::native_of(directory), path.data(), static_cast<DWORD>(path.size()), VOLUME_NAME_DOS);
  if (length == 0 || length >= path.size()) return {};
  path.resize(length);
  return win::inner_path(path);
}

}  // namespace obhut::platform
