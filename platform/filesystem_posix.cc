#include <array>

#include <dirent.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#include "agent/base/text.h"
#include "platform/filesystem.h"
#include "platform/filesystem_trail.h"
#include "platform/os_error.h"
#include "platform/posix.h"

namespace obhut::platform {

using posix::fd_of;
using posix::handle_of;
using posix::Name;

namespace {

std::unexpected<Error> source_error(int code, std::string_view action, std::string_view path) {
  if (code == ELOOP || code == ENOTDIR) {
    return fail(ErrorKind::kSourceGone,
                std::string(action) + " " + printable(path) + ": something else took its place");
  }
  return std::unexpected(os_error(code, Whose::kSource, action, path));
}

std::uint32_t read_flags(int fd) {
  int flags = 0;
  if (::ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) return 0;
  return static_cast<std::uint32_t>(flags) & posix::restorable_flags();
}

FileType type_of_entry(unsigned char type) {
  switch (type) {
    case DT_REG:
      return FileType::kRegular;
    case DT_DIR:
      return FileType::kDirectory;
    case DT_LNK:
      return FileType::kSymlink;
    case DT_FIFO:
      return FileType::kFifo;
    case DT_CHR:
      return FileType::kCharDevice;
    case DT_BLK:
      return FileType::kBlockDevice;
    case DT_SOCK:
      return FileType::kSocket;
    default:
      return FileType::kUnknown;
  }
}

// Magic numbers that linux/magic.h does not have.
constexpr std::uint32_t kCifs = 0xff534d42;
constexpr std::uint32_t kMqueue = 0x19800202;
constexpr std::uint32_t kRpcPipe = 0x67596969;
constexpr std::uint32_t kFuseControl = 0x65735543;
constexpr std::uint32_t kConfigFs = 0x62656570;
constexpr std::uint32_t kGlusterOrLustre = 0x0bd00bd0;
constexpr std::uint32_t kOcfs2 = 0x7461636f;
constexpr std::uint32_t kGfs2 = 0x01161970;

FileSystemKind kind_of(std::uint32_t magic) {
  switch (magic) {
    case PROC_SUPER_MAGIC:
    case SYSFS_MAGIC:
    case DEVPTS_SUPER_MAGIC:
    case CGROUP_SUPER_MAGIC:
    case CGROUP2_SUPER_MAGIC:
    case DEBUGFS_MAGIC:
    case TRACEFS_MAGIC:
    case SECURITYFS_MAGIC:
    case SELINUX_MAGIC:
    case SMACK_MAGIC:
    case PSTOREFS_MAGIC:
    case BPF_FS_MAGIC:
    case EFIVARFS_MAGIC:
    case BINFMTFS_MAGIC:
    case NSFS_MAGIC:
    case AUTOFS_SUPER_MAGIC:
    case kMqueue:
    case kRpcPipe:
    case kFuseControl:
    case kConfigFs:
      return FileSystemKind::kPseudo;
    case NFS_SUPER_MAGIC:
    case SMB_SUPER_MAGIC:
    case SMB2_SUPER_MAGIC:
    case kCifs:
    case AFS_SUPER_MAGIC:
    case CODA_SUPER_MAGIC:
    case CEPH_SUPER_MAGIC:
    case V9FS_MAGIC:
    case kGlusterOrLustre:
    case kOcfs2:
    case kGfs2:
      return FileSystemKind::kNetwork;
    default:
      return FileSystemKind::kLocal;
  }
}

}  // namespace

// SourceFile

Result<FileStatus> SourceFile::status() const {
  FileStatus status;
  if (posix::status_at(fd_of(handle_), "", false, status) != 0) {
    return source_error(errno, "stat", path_);
  }
  status.device = devices_.of(status.device);
  return status;
}

Result<std::size_t> SourceFile::read_at(std::uint64_t offset, MutableByteView into) const {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t got = posix::retry([&] {
      return ::pread(fd_of(handle_), into.data() + done, into.size() - done,
                     static_cast<off_t>(offset + done));
    });
    if (got < 0) return source_error(errno, "read", path_);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Result<std::optional<ByteRange>> SourceFile::next_data(std::uint64_t offset,
                                                       std::uint64_t size) const {
  if (offset >= size) return std::nullopt;
  const off_t data = ::lseek(fd_of(handle_), static_cast<off_t>(offset), SEEK_DATA);
  if (data < 0) {
    if (errno == ENXIO) return std::nullopt;
    return ByteRange{offset, size - offset};
  }
  const auto start = static_cast<std::uint64_t>(data);
  if (start >= size) return std::nullopt;
  const off_t hole = ::lseek(fd_of(handle_), data, SEEK_HOLE);
  // A file cut meanwhile has neither; reading will find its end.
  const std::uint64_t end = hole < 0 ? size : std::min(static_cast<std::uint64_t>(hole), size);
  return ByteRange{start, end - start};
}

Result<Xattrs> SourceFile::xattrs() const {
  Xattrs found;
  if (posix::read_xattrs(fd_of(handle_), found) != 0) {
    return source_error(errno, "read attributes of", path_);
  }
  return found;
}

std::uint32_t SourceFile::flags() const {
  return read_flags(fd_of(handle_));
}

// ignored three times: advice.
bool SourceFile::is_cold(ByteRange range) const {
  return range.length > 0 && posix::cached_bytes(fd_of(handle_), range) == 0;
}
void SourceFile::advise_sequential() const {
  static_cast<void>(::posix_fadvise(fd_of(handle_), 0, 0, POSIX_FADV_SEQUENTIAL));
}
void SourceFile::advise_will_need(ByteRange range) const {
  static_cast<void>(::posix_fadvise(fd_of(handle_), static_cast<off_t>(range.offset),
                                    static_cast<off_t>(range.length), POSIX_FADV_WILLNEED));
}
void SourceFile::advise_dont_need(ByteRange range) const {
  static_cast<void>(::posix_fadvise(fd_of(handle_), static_cast<off_t>(range.offset),
                                    static_cast<off_t>(range.length), POSIX_FADV_DONTNEED));
}

// Directory

Result<Directory> Directory::open_as(const std::string& path, std::string shown,
                                     DeviceAlias devices) {
  Handle handle = handle_of(posix::open_directory_path(path));
  if (!handle.valid()) return source_error(errno, "open", shown);
  return Directory(std::move(handle), std::make_shared<const Trail>(nullptr, std::move(shown)),
                   devices);
}

Result<Directory> Directory::open_child(std::string_view name) const {
  const Name child(name);
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
  Handle handle = handle_of(posix::open_quietly(fd_of(handle_), child.c_str(), kFlags));
  if (!handle.valid() && errno == EACCES) {
    // Its metadata is worth having even where its names are not ours to read.
    handle = handle_of(
        ::openat(fd_of(handle_), child.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  }
  if (!handle.valid()) return source_error(errno, "open", path_of(name));
  return Directory(std::move(handle), std::make_shared<const Trail>(trail_, std::string(name)),
                   devices_);
}

Result<Directory> Directory::open_parent(const FileIdentity& expected) const {
  if (!trail_->parent) {
    return fail(ErrorKind::kSourceGone,
                "go up from " + printable(path()) + ": it was opened by its path");
  }
  Handle handle = handle_of(posix::open_quietly(fd_of(handle_), "..", O_RDONLY | O_DIRECTORY));
  if (!handle.valid() && errno == EACCES) {
    handle = handle_of(::openat(fd_of(handle_), "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  if (!handle.valid()) return source_error(errno, "go up from", path());
  Directory parent(std::move(handle), trail_->parent, devices_);
  ASSIGN_OR_RETURN(const FileStatus status, parent.status());
  if (status.identity() != expected) {
    return fail(ErrorKind::kSourceGone,
                "go up from " + printable(path()) + ": the directory was moved");
  }
  return parent;
}

Result<FileStatus> Directory::status() const {
  FileStatus status;
  if (posix::status_at(fd_of(handle_), "", false, status) != 0) {
    return source_error(errno, "stat", path());
  }
  status.device = devices_.of(status.device);
  return status;
}

Result<FileStatus> Directory::status_of(std::string_view name) const {
  const Name child(name);
  FileStatus status;
  if (!child.usable()) return source_error(EINVAL, "stat", path_of(name));
  if (posix::status_at(fd_of(handle_), child.c_str(), false, status) != 0) {
    return source_error(errno, "stat", path_of(name));
  }
  status.device = devices_.of(status.device);
  return status;
}

Result<void> Directory::list(
    const std::function<bool(std::string_view name, FileType type)>& each) const {
  const int fd = fd_of(handle_);
  if (::lseek(fd, 0, SEEK_SET) < 0) {
    // EBADF: opened for searching only, since reading is not allowed.
    return source_error(errno == EBADF ? EACCES : errno, "list", path());
  }
  alignas(dirent64) std::array<char, 64 * 1024> buffer;
  while (true) {
    const ssize_t filled =
        posix::retry([&] { return ::getdents64(fd, buffer.data(), buffer.size()); });
    if (filled < 0) return source_error(errno, "list", path());
    if (filled == 0) return {};
    for (ssize_t at = 0; at < filled;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
      at += entry->d_reclen;
      const std::string_view name(entry->d_name);
      if (name == "." || name == "..") continue;
      if (!each(name, type_of_entry(entry->d_type))) return {};
    }
  }
}

Result<SourceFile> Directory::open_file(std::string_view name) const {
  const Name child(name);
  Handle handle =
      handle_of(posix::open_quietly(fd_of(handle_), child.c_str(), O_RDONLY | O_NOFOLLOW));
  if (!handle.valid()) return source_error(errno, "open", path_of(name));
  struct stat found {};
  if (::fstat(fd_of(handle), &found) != 0) return source_error(errno, "stat", path_of(name));
  if (!S_ISREG(found.st_mode)) return source_error(ENOTDIR, "open", path_of(name));
  return SourceFile(std::move(handle), path_of(name), devices_);
}

Result<std::string> Directory::read_link(std::string_view name) const {
  const Name child(name);
  if (!child.usable()) return source_error(EINVAL, "read link", path_of(name));
  std::string target(256, '\0');
  while (true) {
    const ssize_t got = ::readlinkat(fd_of(handle_), child.c_str(), target.data(), target.size());
    if (got < 0 && errno == EINVAL) return source_error(ENOTDIR, "read link", path_of(name));
    if (got < 0) return source_error(errno, "read link", path_of(name));
    if (static_cast<std::size_t>(got) < target.size()) {
      target.resize(static_cast<std::size_t>(got));
      return target;
    }
    target.resize(target.size() * 4);
  }
}

Result<Xattrs> Directory::xattrs() const {
  Xattrs found;
  if (posix::read_xattrs(fd_of(handle_), found) != 0) {
    return source_error(errno, "read attributes of", path());
  }
  return found;
}

Result<Xattrs> Directory::xattrs_of(std::string_view name) const {
  const Name child(name);
  const Handle entry =
      handle_of(::openat(fd_of(handle_), child.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!entry.valid()) return source_error(errno, "open", path_of(name));
  Xattrs found;
  if (posix::read_xattrs(fd_of(entry), found) != 0) {
    return source_error(errno, "read attributes of", path_of(name));
  }
  return found;
}

std::uint32_t Directory::flags() const {
  return read_flags(fd_of(handle_));
}

Result<FileSystemKind> Directory::file_system_kind() const {
  struct statfs found {};
  if (posix::retry([&] { return ::fstatfs(fd_of(handle_), &found); }) != 0) {
    return source_error(errno, "look up the file system of", path());
  }
  return kind_of(static_cast<std::uint32_t>(found.f_type));
}

}  // namespace obhut::platform
