#include "platform/file_lock_half.h"
#include "platform/win.h"

namespace obhut::platform::lock_half {

using win::handle_of;
using win::native_of;

namespace {

/// A lock keeps others from reading what it covers: it covers a byte far behind the holder's name.
constexpr DWORD kLockedAt = 0x4000'0000;

/// Invalid with GetLastError() set.
Handle open_lock_file(const std::wstring& path, LockMode mode) {
  constexpr DWORD kShare = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
  Handle file = handle_of(::CreateFileW(path.c_str(), GENERIC_READ | GENERIC_WRITE, kShare, nullptr,
                                        OPEN_ALWAYS, FILE_FLAG_OPEN_REPARSE_POINT, nullptr));
  if (file.valid() || mode == LockMode::kExclusive) return file;
  const DWORD code = ::GetLastError();
  if (code != ERROR_ACCESS_DENIED && code != ERROR_WRITE_PROTECT) return file;
  return handle_of(::CreateFileW(path.c_str(), GENERIC_READ, kShare, nullptr, OPEN_EXISTING,
                                 FILE_FLAG_OPEN_REPARSE_POINT, nullptr));
}

}  // namespace

Result<Handle> open(const std::string& path, LockMode mode) {
  ASSIGN_OR_RETURN(const std::wstring native, win::native_path(path));
  Handle file = open_lock_file(native, mode);
  if (file.valid()) return file;
  const DWORD code = ::GetLastError();
  if (mode == LockMode::kShared && code == ERROR_WRITE_PROTECT) return Handle();
  return win::failure_of(code, "lock", path);
}

Result<bool> try_lock(const Handle& file, LockMode mode, const std::string& path) {
  const DWORD how =
      LOCKFILE_FAIL_IMMEDIATELY | (mode == LockMode::kExclusive ? LOCKFILE_EXCLUSIVE_LOCK : 0U);
  OVERLAPPED place{};
  place.OffsetHigh = kLockedAt;
  if (::LockFileEx(native_of(file), how, 0, 1, 0, &place) != 0) return true;
  const DWORD code = ::GetLastError();
  if (code == ERROR_LOCK_VIOLATION || code == ERROR_IO_PENDING) return false;
  return win::failure_of(code, "lock", path);
}

void write_text(const Handle& file, std::string_view text) {
  FILE_END_OF_FILE_INFO end{};
  if (::SetFileInformationByHandle(native_of(file), FileEndOfFileInfo, &end, sizeof end) == 0) {
    return;
  }
  OVERLAPPED start{};
  DWORD done = 0;
  static_cast<void>(
      ::WriteFile(native_of(file), text.data(), static_cast<DWORD>(text.size()), &done, &start));
}

}  // namespace obhut::platform::lock_half
