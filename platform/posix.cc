#include "platform/posix.h"

#include <algorithm>
#include <limits>

#include <climits>

#include <linux/fs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

namespace obhut::platform::posix {
namespace {

FileType type_of(std::uint16_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return FileType::kRegular;
    case S_IFDIR:
      return FileType::kDirectory;
    case S_IFLNK:
      return FileType::kSymlink;
    case S_IFIFO:
      return FileType::kFifo;
    case S_IFCHR:
      return FileType::kCharDevice;
    case S_IFBLK:
      return FileType::kBlockDevice;
    case S_IFSOCK:
      return FileType::kSocket;
    default:
      return FileType::kUnknown;
  }
}

std::int64_t nanoseconds(const statx_timestamp& time) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  if (time.tv_sec >= kMost / kSecond) return kMost;
  if (time.tv_sec <= kLeast / kSecond) return kLeast;
  return time.tv_sec * kSecond + static_cast<std::int64_t>(time.tv_nsec);
}

std::uint64_t device_number(std::uint32_t major, std::uint32_t minor) {
  return static_cast<std::uint64_t>(major) << 32 | minor;
}

FileStatus to_status(const struct statx& from) {
  FileStatus status;
  status.type = type_of(from.stx_mode);
  status.mode = from.stx_mode & 07777U;
  status.uid = from.stx_uid;
  status.gid = from.stx_gid;
  status.size = from.stx_size;
  status.blocks = from.stx_blocks;
  status.mtime_ns = nanoseconds(from.stx_mtime);
  status.ctime_ns = nanoseconds(from.stx_ctime);
  if ((from.stx_mask & STATX_BTIME) != 0) status.birth_ns = nanoseconds(from.stx_btime);
  status.inode = from.stx_ino;
  status.device = device_number(from.stx_dev_major, from.stx_dev_minor);
  status.links = from.stx_nlink;
  status.rdev = device_number(from.stx_rdev_major, from.stx_rdev_minor);
  if ((from.stx_mask & STATX_MNT_ID) != 0) status.mount_id = from.stx_mnt_id;
  status.mount_root = (from.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  return status;
}

/// One component after the other, for paths that the kernel would not take as a whole.
int open_long_path(const std::string& path) {
  Handle at(::open(path.front() == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  std::size_t from = 0;
  while (at.valid() && from < path.size()) {
    const std::size_t end = std::min(path.find('/', from), path.size());
    const std::string part = path.substr(from, end - from);
    from = end + 1;
    if (part.empty() || part == ".") continue;
    const bool last = path.find_first_not_of('/', end) == std::string::npos;
    const int next = last ? open_quietly(fd_of(at), part.c_str(), O_RDONLY | O_DIRECTORY)
                          : ::openat(fd_of(at), part.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (next < 0 && last && errno == EACCES) {
      return ::openat(fd_of(at), part.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    }
    if (next < 0) return -1;
    at = Handle(next);
  }
  return at.valid() ? static_cast<int>(at.release()) : -1;
}

/// Calls f*xattr, and on O_PATH descriptors, which those refuse, the variant by path.
template <class ByFd, class ByPath>
ssize_t on_fd_or_path(int fd, ByFd by_fd, ByPath by_path) {
  const ssize_t answer = by_fd();
  if (answer >= 0 || errno != EBADF) return answer;
  const std::string path = proc_path(fd);
  return by_path(path.c_str());
}

int read_xattr(int fd, const std::string& name, Bytes& value) {
  value.resize(256);
  while (true) {
    const ssize_t got = on_fd_or_path(
        fd, [&] { return ::fgetxattr(fd, name.c_str(), value.data(), value.size()); },
        [&](const char* path) {
          return ::getxattr(path, name.c_str(), value.data(), value.size());
        });
    if (got >= 0) {
      value.resize(static_cast<std::size_t>(got));
      return 0;
    }
    constexpr std::size_t kLargest = XATTR_SIZE_MAX;
    if (errno != ERANGE || value.size() >= kLargest) return -1;
    value.resize(kLargest);
  }
}

}  // namespace

std::optional<std::uint64_t> cached_bytes(int fd, ByteRange range) {
  // As <linux/mman.h> of Linux 6.5 has them; older headers know neither.
  constexpr long kCacheStat = 451;
  struct {
    std::uint64_t offset, length;
  } const asked{range.offset, range.length};
  struct {
    std::uint64_t cached = 0, dirty = 0, writeback = 0, evicted = 0, recently_evicted = 0;
  } found;
  if (::syscall(kCacheStat, fd, &asked, &found, 0U) != 0) return std::nullopt;
  return found.cached * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::string proc_path(int fd) {
  return "/proc/self/fd/" + std::to_string(fd);
}

int open_quietly(int folder, const char* name, int flags) {
  const int all = flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  const int fd = retry([&] { return ::openat(folder, name, all | O_NOATIME); });
  if (fd >= 0 || errno != EPERM) return fd;
  return retry([&] { return ::openat(folder, name, all); });
}

int open_directory_path(const std::string& path) {
  if (path.empty()) {
    errno = ENOENT;
    return -1;
  }
  if (path.size() >= PATH_MAX) return open_long_path(path);
  const int fd = open_quietly(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY);
  if (fd >= 0 || errno != EACCES) return fd;
  return ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int status_at(int folder, const char* name, bool follow, FileStatus& into) {
  struct statx found {};
  int flags = AT_NO_AUTOMOUNT;
  if (!follow) flags |= AT_SYMLINK_NOFOLLOW;
  if (*name == '\0') flags |= AT_EMPTY_PATH;
  const unsigned mask = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID;
  if (retry([&] { return ::statx(folder, name, flags, mask, &found); }) != 0) return -1;
  into = to_status(found);
  return 0;
}

int list_xattr_names(int fd, std::string& into) {
  into.resize(1024);
  while (true) {
    const ssize_t got = on_fd_or_path(
        fd, [&] { return ::flistxattr(fd, into.data(), into.size()); },
        [&](const char* path) { return ::listxattr(path, into.data(), into.size()); });
    if (got >= 0) {
      into.resize(static_cast<std::size_t>(got));
      return 0;
    }
    if (errno == EOPNOTSUPP || errno == ENOSYS) {
      into.clear();
      return 0;
    }
    constexpr std::size_t kLargest = XATTR_LIST_MAX;
    if (errno != ERANGE || into.size() >= kLargest) return -1;
    into.resize(kLargest);
  }
}

int read_xattrs(int fd, Xattrs& into) {
  into.clear();
  std::string names;
  if (list_xattr_names(fd, names) != 0) return -1;
  std::size_t from = 0;
  while (from < names.size()) {
    Xattr attribute;
    attribute.name = names.c_str() + from;
    from += attribute.name.size() + 1;
    if (read_xattr(fd, attribute.name, attribute.value) != 0) {
      // Removed since it was listed, or listed by a file system that will not give it.
      if (errno == ENODATA || errno == EOPNOTSUPP) continue;
      return -1;
    }
    into.push_back(std::move(attribute));
  }
  std::ranges::sort(into, {}, &Xattr::name);
  return 0;
}

std::uint32_t restorable_flags() {
  return FS_SECRM_FL | FS_UNRM_FL | FS_SYNC_FL | FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL |
         FS_NOATIME_FL | FS_COMPR_FL | FS_NOCOMP_FL | FS_DIRSYNC_FL | FS_TOPDIR_FL | FS_NOCOW_FL |
         FS_PROJINHERIT_FL;
}

}  // namespace obhut::platform::posix
