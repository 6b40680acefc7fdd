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

int open_step_by_step(int from, std::string_view rest) {
  Handle at;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const Name name(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const int base = at.valid() ? fd_of(at) : from;
    const int next = ::openat(base, name.c_str(), kFlags | O_NOFOLLOW);
    if (next < 0) return -1;
    at = Handle(next);
  }
  return static_cast<int>(at.release());
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
  const std::string_view rest = path.substr(known.empty() ? 0 : known.size() + 1);
  const int fd = open_below(fd_of(*from), rest);
  if (fd < 0) {
    if (errno == ELOOP || errno == ENOTDIR || errno == EXDEV) {
      return fail(ErrorKind::kConflict, "open " + printable(path) +
                                            ": a symbolic link or file stands where the restore "
                                            "needs a directory");
    }
    return std::unexpected(os_error(errno, Whose::kOurs, "open", path));
  }
  auto opened = std::make_shared<const Handle>(fd);
  remember(path, opened);
  return opened;
}

int Beneath::open_below(int from, std::string_view rest) {
  if (!plain_ && rest.size() < PATH_MAX) {
    const int fd = open_in_one_call(from, rest);
    if (fd >= 0 || errno != ENOSYS) return fd;
  }
  return open_step_by_step(from, rest);
}

Beneath::Shared Beneath::cached(std::string_view path) {
  const auto found = places_.find(path);
  if (found == places_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, found->second);
  return found->second->second;
}

void Beneath::remember(std::string_view path, Shared handle) {
  recent_.emplace_front(path, std::move(handle));
  places_.insert_or_assign(recent_.front().first, recent_.begin());
  if (recent_.size() <= kKeptOpen) return;
  places_.erase(recent_.back().first);
  recent_.pop_back();
}

void Beneath::forget(std::string_view path) {
  const std::scoped_lock lock(mutex_);
  const auto found = places_.find(path);
  if (found == places_.end()) return;
  const auto place = found->second;
  places_.erase(found);
  recent_.erase(place);
}

}  // namespace obhut::platform::posix
