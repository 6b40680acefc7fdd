#pragma once
// What the POSIX halves share. Not for anybody else.

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/base/bytes.h"
#include "platform/file_status.h"
#include "platform/handle.h"

namespace obhut::platform::posix {

inline int fd_of(const Handle& handle) {
  return static_cast<int>(handle.native());
}
/// Invalid for a negative `fd`, the answer of a failed open.
inline Handle handle_of(int fd) {
  return fd < 0 ? Handle() : Handle(fd);
}

/// Calls again for as long as a signal cuts it off.
template <class Call>
auto retry(Call call) {
  auto answer = call();
  while (answer < 0 && errno == EINTR) answer = call();
  return answer;
}

/// What reading and writing past the page cache wants offsets, lengths and addresses to be
/// multiples of: the page, which no block of a disk exceeds here.
inline constexpr std::size_t kDirectUnit = 4096;

inline std::size_t whole_units(std::size_t length) {
  return (length + kDirectUnit - 1) / kDirectUnit * kDirectUnit;
}
/// From `data` to the next address that is a multiple of the unit; 0 where it is one.
inline std::size_t distance_to_unit(const void* data) {
  const auto past = reinterpret_cast<std::uintptr_t>(data) % kDirectUnit;
  return past == 0 ? 0 : kDirectUnit - past;
}

/// O_DIRECT on a descriptor for as long as it lives. Not on where the file system refuses it.
class DirectAccess {
 public:
  explicit DirectAccess(int fd) : fd_(fd), flags_(::fcntl(fd, F_GETFL)) {
    on_ = flags_ >= 0 && ::fcntl(fd_, F_SETFL, flags_ | O_DIRECT) == 0;
  }
  DirectAccess(const DirectAccess&) = delete;
  DirectAccess& operator=(const DirectAccess&) = delete;
  ~DirectAccess() { off(); }

  [[nodiscard]] bool on() const { return on_; }
  /// False, with errno set, where the flag could not be taken away.
  bool off() { return !std::exchange(on_, false) || ::fcntl(fd_, F_SETFL, flags_) == 0; }

 private:
  int fd_;
  int flags_;
  bool on_;
};

/// How much of a file's range is in the page cache; nothing where the kernel does not tell.
std::optional<std::uint64_t> cached_bytes(int fd, ByteRange range);

/// One component of a path, with its NUL, without touching the heap.
class Name {
 public:
  explicit Name(std::string_view name) {
    // What could lead elsewhere than into the directory it is looked up in becomes a name that
    // no file system has, so that the call that uses it fails.
    if (name.empty() || name == ".." || name.size() > kLongest ||
        name.find_first_of(std::string_view("/\0", 2)) != std::string_view::npos) {
      text_[0] = '\0';
      return;
    }
    std::memcpy(text_, name.data(), name.size());
    text_[name.size()] = '\0';
  }
  [[nodiscard]] const char* c_str() const { return text_; }
  [[nodiscard]] bool usable() const { return text_[0] != '\0'; }

 private:
  static constexpr std::size_t kLongest = 1023;
  char text_[kLongest + 1];
};

/// A path by which an O_PATH descriptor's very inode (a symbolic link too) can be named in calls
/// that take no descriptor.
std::string proc_path(int fd);

/// openat without leaving an access time where we may ask for that (owner or root).
int open_quietly(int folder, const char* name, int flags);

/// Directory by a path of any length, following symbolic links; falls back to a handle that can
/// only be searched where reading is not allowed. Negative with errno set.
int open_directory_path(const std::string& path);

/// 0, or -1 with errno set. `name` "" means the descriptor itself.
int status_at(int folder, const char* name, bool follow, FileStatus& into);

/// kUnsupported attributes count as none. 0, or -1 with errno set; works on O_PATH descriptors.
int read_xattrs(int fd, Xattrs& into);
/// Names only, separated by NUL.
int list_xattr_names(int fd, std::string& into);

/// Inode flags that may be set again, of what FS_IOC_GETFLAGS tells.
std::uint32_t restorable_flags();

}  // namespace obhut::platform::posix
