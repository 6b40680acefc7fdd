#pragma once
// What is mounted where, as this process sees it, and a mount that nobody else sees.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/result.h"
#include "platform/handle.h"

namespace obhut::platform {

/// Raw bytes throughout.
struct Mount {
  std::uint64_t id = 0;      ///< FileStatus::mount_id of what lies in it
  std::uint64_t device = 0;  ///< as FileStatus has it; of btrfs another number than its volumes'
  std::string root;          ///< which directory of the file system is mounted
  std::string point;         ///< absolute
  std::string type;          ///< "ext4"
};

/// In: the text of /proc/self/mountinfo (proc(5)). Lines that make no sense are left out.
std::vector<Mount> parse_mounts(std::string_view text);

/// In the order in which they were mounted: of two at one point the later one is seen.
Result<std::vector<Mount>> mount_table();

/// Where an open directory lies now, without links on the way; empty where that cannot be told.
std::string path_now(const Handle& directory);

namespace posix {

/// A block device to be mounted where nobody else sees it.
struct DetachedMount {
  std::string device;  ///< path
  std::string type;    ///< "btrfs"
  /// Of the file system; one without a value is a flag.
  std::vector<std::pair<std::string, std::string>> options;
  bool read_only = true;
};

/// Mounts it at no place at all and opens its root: it lives for as long as something in it is
/// open, and never outlives this process. Never executes, never honours devices or set-user-id
/// bits. Errors: kUnsupported with what the system says.
Result<Handle> open_detached_mount(const DetachedMount& mount);

}  // namespace posix
}  // namespace obhut::platform
