#pragma once
// What a file system tells about an entry.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/bytes.h"

namespace obhut::platform {

enum class FileType : std::uint8_t {
  kUnknown,
  kRegular,
  kDirectory,
  kSymlink,
  kFifo,
  kCharDevice,
  kBlockDevice,
  kSocket,
};

/// Names an inode for as long as it is kept open or linked.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend auto operator<=>(const FileIdentity&, const FileIdentity&) = default;
};

/// A snapshot's device number, and the one of the volume that it was made of: told instead, so that
/// an entry of the one is known again as an entry of the other.
struct DeviceAlias {
  std::uint64_t read = 0;
  std::uint64_t told = 0;

  [[nodiscard]] std::uint64_t of(std::uint64_t device) const {
    return device == read && read != 0 ? told : device;
  }
};

/// Times are nanoseconds since 1970 UTC, cut to what 64 bits hold (years 1677 to 2262). Device
/// numbers are major << 32 | minor.
struct FileStatus {
  FileType type = FileType::kUnknown;
  std::uint32_t mode = 0;  ///< permission bits with suid, sgid and sticky: at most 07777
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t size = 0;    ///< bytes
  std::uint64_t blocks = 0;  ///< units of 512 bytes really held
  std::int64_t mtime_ns = 0;
  std::int64_t ctime_ns = 0;
  std::optional<std::int64_t> birth_ns;
  std::uint64_t inode = 0;
  std::uint64_t device = 0;
  std::uint64_t links = 1;
  std::uint64_t rdev = 0;
  std::optional<std::uint64_t> mount_id;
  bool mount_root = false;  ///< something is mounted here (bind mounts included)

  [[nodiscard]] FileIdentity identity() const { return {device, inode}; }
};

/// An extended attribute with its full name ("user.note", "system.posix_acl_access").
struct Xattr {
  std::string name;
  Bytes value;
  friend bool operator==(const Xattr&, const Xattr&) = default;
};

/// Sorted by name.
using Xattrs = std::vector<Xattr>;

}  // namespace obhut::platform
