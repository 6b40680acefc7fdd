#include <algorithm>
#include <charconv>

#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "agent/base/text.h"
#include "platform/btrfs_snapshots.h"
#include "platform/mount_table.h"
#include "platform/os_error.h"
#include "platform/posix.h"

namespace obhut::platform {

using posix::fd_of;
using posix::handle_of;

namespace {

// The kernel gives this number to the place of a subvolume that a snapshot does not have.
constexpr std::uint64_t kEmptySubvolume = 2;
constexpr std::uint64_t kTopLevel = 5;

/// The reason why there is no snapshot, with the way out where we know one.
std::unexpected<Error> no_snapshot(int code, std::string_view action) {
  std::string why = "btrfs: " + std::string(action) + ": " + os_error_text(code);
  switch (code) {
    case EPERM:
    case EACCES:
      why += " (that takes root, CAP_SYS_ADMIN)";
      break;
    case ENOSPC:
    case EDQUOT:
      why += " (the file system is full: make room)";
      break;
    case EROFS:
      why += " (mount it writable, or have it read without a snapshot)";
      break;
    case ETXTBSY:
      why += " (a swap file in use lies on it: move that to a subvolume of its own)";
      break;
    default:
      break;
  }
  return fail(ErrorKind::kUnsupported, std::move(why));
}

bool is_btrfs(int fd, bool* read_only = nullptr) {
  struct statfs found {};
  if (posix::retry([&] { return ::fstatfs(fd, &found); }) != 0) return false;
  if (read_only != nullptr) {
    *read_only = (static_cast<unsigned long>(found.f_flags) & ST_RDONLY) != 0;
  }
  return static_cast<std::uint32_t>(found.f_type) == BTRFS_SUPER_MAGIC;
}

Result<std::string> file_system_of(int fd, std::uint64_t* last_device = nullptr) {
  btrfs_ioctl_fs_info_args info{};
  if (::ioctl(fd, BTRFS_IOC_FS_INFO, &info) != 0) return no_snapshot(errno, "look at it");
  if (last_device != nullptr) *last_device = info.max_id;
  return to_hex(ByteView(info.fsid, sizeof info.fsid));
}

Result<std::string> some_device_of(int fd, std::uint64_t last_device) {
  // Numbers of devices that were taken away are free.
  for (std::uint64_t id = 1; id <= last_device; ++id) {
    btrfs_ioctl_dev_info_args device{};
    device.devid = id;
    if (::ioctl(fd, BTRFS_IOC_DEV_INFO, &device) != 0) continue;
    const auto* path = reinterpret_cast<const char*>(device.path);
    std::string found(path, ::strnlen(path, sizeof device.path));
    if (::access(found.c_str(), F_OK) == 0) return found;
  }
  return fail(ErrorKind::kUnsupported, "btrfs: none of its devices is to be seen here");
}

struct Subvolume {
  std::string file_system;
  std::uint64_t tree = 0;
};

/// Of "<hex>:<number>", as VolumePlace::volume has it.
Result<Subvolume> parse_volume(const std::string& volume) {
  Subvolume found;
  const std::size_t colon = std::min(volume.find(':'), volume.size());
  found.file_system = volume.substr(0, colon);
  const char* begin = volume.data() + std::min(colon + 1, volume.size());
  const char* end = volume.data() + volume.size();
  const auto [at, code] = std::from_chars(begin, end, found.tree);
  if (code == std::errc() && at == end) return found;
  return fail(ErrorKind::kInvalidInput, "btrfs: no volume: " + printable(volume));
}

Result<Handle> open_subvolume(const std::string& device, std::uint64_t tree) {
  return posix::open_detached_mount({.device = device,
                                     .type = "btrfs",
                                     .options = {{"subvolid", std::to_string(tree)}},
                                     .read_only = false});
}

/// The root of all subvolumes of `file_system`, on `device` unless that holds another one by now.
Result<Handle> open_top(const std::string& device, const std::string& file_system) {
  ASSIGN_OR_RETURN(Handle top, open_subvolume(device, kTopLevel));
  ASSIGN_OR_RETURN(const std::string found, file_system_of(fd_of(top)));
  if (found == file_system) return top;
  return fail(ErrorKind::kNotFound, "btrfs: file system " + file_system + " is gone");
}

Result<Handle> open_snapshot_folder(const Handle& top) {
  const std::string name(kSnapshotFolder);
  if (::mkdirat(fd_of(top), name.c_str(), 0700) != 0 && errno != EEXIST) {
    return no_snapshot(errno, "make the folder " + name);
  }
  Handle folder = handle_of(
      ::openat(fd_of(top), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat found {};
  if (!folder.valid() || ::fstat(fd_of(folder), &found) != 0) {
    return no_snapshot(errno, "open the folder " + name);
  }
  // Whoever owned it could look into our snapshots, past rights that were taken away since.
  if (found.st_uid != 0 || (found.st_mode & 077U) != 0) {
    return fail(ErrorKind::kUnsupported,
                "btrfs: " + name + " in its root is not root's alone: remove that folder");
  }
  return folder;
}

/// The name goes into a buffer of the kernel's; it has 32 digits.
template <class Arguments>
void put_name(Arguments& arguments, const std::string& name) {
  std::memcpy(arguments.name, name.data(), std::min(name.size(), sizeof arguments.name - 1));
}

void remove_if_empty(const Handle& top) {
  // ignored: others may have theirs in it
  static_cast<void>(::unlinkat(fd_of(top), std::string(kSnapshotFolder).c_str(), AT_REMOVEDIR));
}

/// The folder that the snapshot is in then.
Result<Handle> snapshot_into(const Handle& top, const Handle& source, const std::string& name) {
  btrfs_ioctl_vol_args_v2 arguments{};
  arguments.fd = fd_of(source);
  arguments.flags = BTRFS_SUBVOL_RDONLY;
  put_name(arguments, name);
  // Another run may take the folder away as the last of its snapshots goes.
  for (int tries = 3;; --tries) {
    ASSIGN_OR_RETURN(Handle folder, open_snapshot_folder(top));
    if (::ioctl(fd_of(folder), BTRFS_IOC_SNAP_CREATE_V2, &arguments) == 0) return folder;
    const int code = errno;
    if (code == ENOENT && tries > 1) continue;
    remove_if_empty(top);
    return no_snapshot(code, "make a snapshot");
  }
}

class OpenSubvolume final : public OpenSnapshot {
 public:
  OpenSubvolume(Handle root, std::uint64_t device) : root_(std::move(root)), device_(device) {}
  [[nodiscard]] std::string folder() const override { return posix::proc_path(fd_of(root_)); }
  [[nodiscard]] std::uint64_t device() const override { return device_; }
  [[nodiscard]] std::uint64_t nested_inode() const override { return kEmptySubvolume; }

 private:
  Handle root_;
  std::uint64_t device_;
};

}  // namespace

Result<std::optional<VolumePlace>> BtrfsSnapshots::locate(const Handle& directory) {
  // Looking at it takes a handle that reads; a source's may be good for searching alone.
  const Handle folder =
      handle_of(::openat(fd_of(directory), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) {
    if (!is_btrfs(fd_of(directory))) return std::nullopt;
    return no_snapshot(errno, "look at it");
  }
  FileStatus status;
  if (posix::status_at(fd_of(folder), "", false, status) != 0) {
    return no_snapshot(errno, "look at it");
  }
  bool read_only = false;
  if (!is_btrfs(fd_of(folder), &read_only)) return std::nullopt;
  if (read_only) return no_snapshot(EROFS, "make a snapshot");
  std::uint64_t last_device = 0;
  ASSIGN_OR_RETURN(const std::string file_system, file_system_of(fd_of(folder), &last_device));
  btrfs_ioctl_ino_lookup_args lookup{};
  lookup.objectid = status.inode;
  if (::ioctl(fd_of(folder), BTRFS_IOC_INO_LOOKUP, &lookup) != 0) {
    return no_snapshot(errno, "look up the subvolume");
  }
  ASSIGN_OR_RETURN(devices_[file_system], some_device_of(fd_of(folder), last_device));
  VolumePlace place;
  place.volume = file_system + ":" + std::to_string(lookup.treeid);
  // A subvolume's root has no name in it; any other one ends in a slash.
  if (status.inode != BTRFS_FIRST_FREE_OBJECTID) {
    place.inner.assign(lookup.name, ::strnlen(lookup.name, sizeof lookup.name));
    if (place.inner.ends_with('/')) place.inner.pop_back();
  }
  place.device = status.device;
  return place;
}

/// Of one that is mounted: what nobody mounted is not ours to mount.
Result<std::string> BtrfsSnapshots::device_of(const std::string& file_system) {
  if (const auto known = devices_.find(file_system); known != devices_.end()) return known->second;
  ASSIGN_OR_RETURN(const std::vector<Mount> mounts, mount_table());
  for (const Mount& mount : mounts) {
    if (mount.type != "btrfs") continue;
    const Handle point =
        handle_of(::open(mount.point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK));
    bool read_only = false;
    if (!point.valid() || !is_btrfs(fd_of(point), &read_only) || read_only) continue;
    std::uint64_t last_device = 0;
    const Result<std::string> found = file_system_of(fd_of(point), &last_device);
    if (!found || *found != file_system) continue;
    ASSIGN_OR_RETURN(std::string device, some_device_of(fd_of(point), last_device));
    return devices_[file_system] = std::move(device);
  }
  return fail(ErrorKind::kNotFound, "btrfs: file system " + file_system + " is not mounted");
}

Result<std::unique_ptr<OpenSnapshot>> BtrfsSnapshots::make(const std::string& volume,
                                                           const std::string& name) {
  ASSIGN_OR_RETURN(const Subvolume origin, parse_volume(volume));
  ASSIGN_OR_RETURN(const std::string device, device_of(origin.file_system));
  ASSIGN_OR_RETURN(const Handle top, open_top(device, origin.file_system));
  // By a mount of its own: of a bind mount of some folder, its root is out of reach.
  ASSIGN_OR_RETURN(const Handle source, open_subvolume(device, origin.tree));
  ASSIGN_OR_RETURN(const Handle folder, snapshot_into(top, source, name));
  Handle root = handle_of(
      ::openat(fd_of(folder), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  FileStatus status;
  if (!root.valid() || posix::status_at(fd_of(root), "", false, status) != 0) {
    return no_snapshot(errno, "open the snapshot");
  }
  return std::make_unique<OpenSubvolume>(std::move(root), status.device);
}

Result<void> BtrfsSnapshots::remove(const std::string& volume, const std::string& name) {
  ASSIGN_OR_RETURN(const Subvolume origin, parse_volume(volume));
  ASSIGN_OR_RETURN(const std::string device, device_of(origin.file_system));
  ASSIGN_OR_RETURN(const Handle top, open_top(device, origin.file_system));
  const std::string ours(kSnapshotFolder);
  const Handle folder = handle_of(
      ::openat(fd_of(top), ours.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid()) {
    if (errno == ENOENT) return {};
    return std::unexpected(os_error(errno, Whose::kOurs, "open", ours));
  }
  btrfs_ioctl_vol_args arguments{};
  put_name(arguments, name);
  if (::ioctl(fd_of(folder), BTRFS_IOC_SNAP_DESTROY, &arguments) != 0 && errno != ENOENT) {
    return fail(ErrorKind::kUnavailable,
                "btrfs: remove the snapshot " + ours + "/" + name + ": " + os_error_text(errno));
  }
  remove_if_empty(top);
  return {};
}

}  // namespace obhut::platform
