#include <condition_variable>
#include <mutex>

#include <sys/file.h>

#include "agent/base/text.h"
#include "platform/atomic_file.h"
#include "platform/file_lock.h"
#include "platform/local_files.h"
#include "platform/machine.h"
#include "platform/os_error.h"
#include "platform/posix.h"

namespace obhut::platform {

using posix::fd_of;
using posix::handle_of;

namespace {

/// Invalid with errno set.
Handle open_lock_file(const std::string& path, LockMode mode) {
  Handle file = handle_of(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.valid() || mode == LockMode::kExclusive) return file;
  if (errno != EROFS && errno != EACCES) return file;
  return handle_of(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
}

bool on_read_only_medium(const std::string& path) {
  return ::access(parent_of(path).c_str(), W_OK) != 0 && errno == EROFS;
}

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
  if (::ftruncate(fd_of(file), 0) != 0) return;
  static_cast<void>(::pwrite(fd_of(file), text.data(), text.size(), 0) < 0);  // ignored: see above
}

/// False once `stop` was asked for.
bool pause(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace

Result<FileLock> FileLock::acquire(const std::string& path, LockMode mode,
                                   const std::string& purpose, std::chrono::milliseconds patience,
                                   std::stop_token stop) {
  Handle file = open_lock_file(path, mode);
  if (!file.valid()) {
    // A vault on a read-only medium without a lock file: nobody can change it under the reader.
    const int code = errno;
    if (mode == LockMode::kShared && code == ENOENT && on_read_only_medium(path)) {
      return FileLock(Handle());
    }
    return std::unexpected(os_error(code, Whose::kOurs, "lock", path));
  }
  const int operation = (mode == LockMode::kExclusive ? LOCK_EX : LOCK_SH) | LOCK_NB;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  // flock, not fcntl: it belongs to this handle, so that two parts of one process exclude each
  // other and closing another handle of the file frees nothing.
  while (posix::retry([&] { return ::flock(fd_of(file), operation); }) != 0) {
    if (errno != EWOULDBLOCK) return std::unexpected(os_error(errno, Whose::kOurs, "lock", path));
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "lock " + printable(path));
    if (std::chrono::steady_clock::now() >= deadline) return std::unexpected(held_by_another(path));
    constexpr std::chrono::milliseconds kPause{50};
    if (!pause(kPause, stop)) return fail(ErrorKind::kCancelled, "lock " + printable(path));
  }
  if (mode == LockMode::kExclusive) write_holder(file, purpose);
  return FileLock(std::move(file));
}

}  // namespace obhut::platform
