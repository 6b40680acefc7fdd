#include <condition_variable>
#include <mutex>

#include "agent/base/text.h"
#include "platform/atomic_file.h"
#include "platform/file_lock.h"
#include "platform/machine.h"
#include "platform/win.h"

namespace obhut::platform {

using win::handle_of;
using win::native_of;

namespace {

/// A lock keeps others from reading what it covers: it covers a byte far behind the holder's name.
constexpr DWORD kLockedAt = 0x4000'0000;

Error held_by_another(const std::string& path) {
  constexpr std::size_t kCap = 4096;
  const Result<Bytes> holder = read_file(path, kCap);
  std::string who = holder ? std::string(as_text(*holder)) : std::string();
  while (who.ends_with('\n')) who.pop_back();
  if (who.empty()) who = "another process (perhaps one that reads)";
  return {ErrorKind::kConflict, "lock " + printable(path) + ": in use by " + printable(who) +
                                    "; try again when it is done"};
}

/// For messages only, so that failing to write it is no reason not to work.
void write_holder(const Handle& file, const std::string& purpose) {
  const std::string text =
      purpose + ", process " + std::to_string(process_id()) + " on " + host_name() + "\n";
  FILE_END_OF_FILE_INFO end{};
  if (::SetFileInformationByHandle(native_of(file), FileEndOfFileInfo, &end, sizeof end) == 0) {
    return;
  }
  OVERLAPPED start{};
  DWORD done = 0;
  // ignored: see above
  static_cast<void>(
      ::WriteFile(native_of(file), text.data(), static_cast<DWORD>(text.size()), &done, &start));
}

/// False once `stop` was asked for.
bool pause(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

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

Result<FileLock> FileLock::acquire(const std::string& path, LockMode mode,
                                   const std::string& purpose, std::chrono::milliseconds patience,
                                   std::stop_token stop) {
  ASSIGN_OR_RETURN(const std::wstring native, win::native_path(path));
  Handle file = open_lock_file(native, mode);
  if (!file.valid()) {
    // A vault on a read-only medium without a lock file: nobody can change it under the reader.
    const DWORD code = ::GetLastError();
    if (mode == LockMode::kShared && code == ERROR_WRITE_PROTECT) return FileLock(Handle());
    return win::failure_of(code, "lock", path);
  }
  const DWORD how =
      LOCKFILE_FAIL_IMMEDIATELY | (mode == LockMode::kExclusive ? LOCKFILE_EXCLUSIVE_LOCK : 0U);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  const auto lock = [&] {
    OVERLAPPED place{};
    place.OffsetHigh = kLockedAt;
    return ::LockFileEx(native_of(file), how, 0, 1, 0, &place) != 0;
  };
  while (!lock()) {
    const DWORD code = ::GetLastError();
    if (code != ERROR_LOCK_VIOLATION && code != ERROR_IO_PENDING) {
      return win::failure_of(code, "lock", path);
    }
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "lock " + printable(path));
    if (std::chrono::steady_clock::now() >= deadline) return std::unexpected(held_by_another(path));
    constexpr std::chrono::milliseconds kPause{50};
    if (!pause(kPause, stop)) return fail(ErrorKind::kCancelled, "lock " + printable(path));
  }
  if (mode == LockMode::kExclusive) write_holder(file, purpose);
  return FileLock(std::move(file));
}

}  // namespace obhut::platform
