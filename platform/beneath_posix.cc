#include <climits>

#include <linux/openat2.h>
#include <sys/syscall.h>

#include "agent/base/text.h"
#include "platform/beneath.h"
#include "platform/os_error.h"
#include "platform/posix.h"

namespace obhut::platform::beneath_half {

using posix::fd_of;

namespace {

constexpr int kFlags = O_PATH | O_DIRECTORY | O_CLOEXEC;

/// Negative with errno set; ENOSYS where the kernel or a sandbox does not have it.
int open_in_one_call(int from, std::string_view rest) {
  open_how how{};
  how.flags = kFlags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const std::string path(rest);
  // EAGAIN: something was renamed during the lookup, which tells nothing about our path.
  for (int attempt = 0; attempt < 16; ++attempt) {
    const long fd = ::syscall(SYS_openat2, from, path.c_str(), &how, sizeof how);
    if (fd >= 0) return static_cast<int>(fd);
    if (errno == EPERM) errno = ENOSYS;
    if (errno != EAGAIN && errno != EINTR) return -1;
  }
  errno = ENOSYS;
  return -1;
}

Result<Handle> checked(int fd, std::string_view path) {
  if (fd >= 0) return Handle(fd);
  if (errno == ELOOP || errno == ENOTDIR || errno == EXDEV) {
    return fail(ErrorKind::kConflict, "open " + printable(path) +
                                          ": a symbolic link or file stands where the restore "
                                          "needs a directory");
  }
  return std::unexpected(os_error(errno, Whose::kOurs, "open", path));
}

}  // namespace

std::optional<Result<Handle>> open_at_once(const Handle& from, std::string_view rest,
                                           std::string_view path) {
  if (rest.size() >= PATH_MAX) return std::nullopt;
  const int fd = open_in_one_call(fd_of(from), rest);
  if (fd < 0 && errno == ENOSYS) return std::nullopt;
  return checked(fd, path);
}

Result<Handle> open_one(const Handle& from, std::string_view name, std::string_view path) {
  return checked(::openat(fd_of(from), posix::Name(name).c_str(), kFlags | O_NOFOLLOW), path);
}

}  // namespace obhut::platform::beneath_half
