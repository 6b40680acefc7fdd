#include <climits>

#include <linux/openat2.h>
#include <sys/syscall.h>

#include "agent/base/text.h"
#include "platform/beneath.h"
#include "platform/os_error.h"
#include "platform/posix.h"

namespace obhut::platform::posix {
namespace {

constexpr std::size_t kKeptOpen = 128;
/// Bytes of a path, at its end, whose directories are kept on the way down: 64 of short names, and
/// never more than kKeptOpen.
constexpr std::size_t kRememberedTail = 128;
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

}  // namespace

Result<void> check_relative(std::string_view path) {
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorKind::kInvalidInput,
                "restore path " + printable(path.substr(0, 200)) + ": " + std::string(why));
  };
  if (path.find('\0') != std::string_view::npos) return refuse("contains a zero byte");
  if (path.starts_with('/')) return refuse("is absolute");
  std::string_view rest = path;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view name = rest.substr(0, end);
    if (name.empty() || end + 1 == rest.size()) return refuse("has an empty component");
    if (name == "." || name == "..") return refuse("has a component . or ..");
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return {};
}

std::pair<std::string_view, std::string_view> split_last(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {{}, path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

Result<std::shared_ptr<const Handle>> Beneath::directory(std::string_view path) {
  if (path.empty()) return root_;
  const std::scoped_lock lock(mutex_);
  std::string_view known = path;
  Shared from;
  // Nearly always the directory itself or the one above it is at hand. Looking further up costs a
  // hash of a long path each time, more than it saves.
  for (int up = 0; up < 4 && !known.empty(); ++up) {
    from = cached(known);
    if (from) break;
    known = split_last(known).first;
  }
  if (!from) {
    from = root_;
    known = {};
  }
  if (known.size() == path.size()) return from;
  Shared opened = open_below(from, known.size(), path);
  if (opened) return opened;
  if (errno == ELOOP || errno == ENOTDIR || errno == EXDEV) {
    return fail(ErrorKind::kConflict, "open " + printable(path) +
                                          ": a symbolic link or file stands where the restore "
                                          "needs a directory");
  }
  return std::unexpected(os_error(errno, Whose::kOurs, "open", path));
}

/// `from` is the directory named by the first `known` bytes of `path`. Null with errno set.
Beneath::Shared Beneath::open_below(const Shared& from, std::size_t known, std::string_view path) {
  const std::string_view rest = path.substr(known == 0 ? 0 : known + 1);
  if (!plain_ && rest.size() < PATH_MAX) {
    const int fd = open_in_one_call(fd_of(*from), rest);
    if (fd < 0 && errno != ENOSYS) return nullptr;
    if (fd >= 0) return remember(path, fd);
  }
  return open_step_by_step(from, known, path);
}

Beneath::Shared Beneath::open_step_by_step(Shared at, std::size_t known, std::string_view path) {
  while (known < path.size()) {
    const std::size_t start = known == 0 ? 0 : known + 1;
    const std::size_t end = std::min(path.find('/', start), path.size());
    const Name name(path.substr(start, end - start));
    const int next = ::openat(fd_of(*at), name.c_str(), kFlags | O_NOFOLLOW);
    if (next < 0) return nullptr;
    known = end;
    // The way's end is remembered whole: directories are finished from the bottom up, and without
    // it each one of a deep tree would be looked for from the root.
    const bool near_the_end = path.size() - known < kRememberedTail;
    at =
        near_the_end ? remember(path.substr(0, known), next) : std::make_shared<const Handle>(next);
  }
  return at;
}

Beneath::Shared Beneath::cached(std::string_view path) {
  const auto found = places_.find(path);
  if (found == places_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, found->second);
  return found->second->second;
}

Beneath::Shared Beneath::remember(std::string_view path, int fd) {
  drop(path);
  recent_.emplace_front(path, std::make_shared<const Handle>(fd));
  places_.emplace(recent_.front().first, recent_.begin());
  if (recent_.size() > kKeptOpen) {
    places_.erase(recent_.back().first);
    recent_.pop_back();
  }
  return recent_.front().second;
}

void Beneath::drop(std::string_view path) {
  const auto found = places_.find(path);
  if (found == places_.end()) return;
  const auto place = found->second;
  places_.erase(found);
  recent_.erase(place);
}

void Beneath::forget(std::string_view path) {
  const std::scoped_lock lock(mutex_);
  drop(path);
}

}  // namespace obhut::platform::posix
