#include <sys/file.h>

#include "platform/file_lock_half.h"
#include "platform/local_files.h"
#include "platform/os_error.h"
#include "platform/posix.h"

namespace obhut::platform::lock_half {

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

}  // namespace

Result<Handle> open(const std::string& path, LockMode mode) {
  Handle file = open_lock_file(path, mode);
  if (file.valid()) return file;
  const int code = errno;
  const bool needs_none = mode == LockMode::kShared && code == ENOENT && on_read_only_medium(path);
  if (needs_none) return Handle();
  return std::unexpected(os_error(code, Whose::kOurs, "lock", path));
}

// flock, not fcntl: it belongs to this handle, so that two parts of one process exclude each other
// and closing another handle of the file frees nothing.
Result<bool> try_lock(const Handle& file, LockMode mode, const std::string& path) {
  const int operation = (mode == LockMode::kExclusive ? LOCK_EX : LOCK_SH) | LOCK_NB;
  if (posix::retry([&] { return ::flock(fd_of(file), operation); }) == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  return std::unexpected(os_error(errno, Whose::kOurs, "lock", path));
}

void write_text(const Handle& file, std::string_view text) {
  if (::ftruncate(fd_of(file), 0) != 0) return;
  static_cast<void>(::pwrite(fd_of(file), text.data(), text.size(), 0) < 0);
}

}  // namespace obhut::platform::lock_half
