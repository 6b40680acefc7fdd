#pragma once
// A file system of our own that is only read: FUSE on Linux. What is in it is told by a tree.

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "agent/base/bytes.h"
#include "agent/base/result.h"
#include "platform/file_status.h"

namespace obhut::platform {

/// Names an entry for as long as the system holds it. The root has 1 and is always held.
using NodeNumber = std::uint64_t;
inline constexpr NodeNumber kRootNode = 1;

struct NodeStatus {
  FileStatus status;    ///< without device, mount and birth
  bool lasting = true;  ///< neither it nor what lies in it ever changes: the system may keep it
};

/// An open directory. Thread: any.
class NodeList {
 public:
  virtual ~NodeList() = default;
  /// False where there is no more room: the entry was not taken.
  using Take = std::function<bool(std::string_view name, const FileStatus& status)>;
  /// Tells of the entries from number `position` on, "." and ".." not among them.
  virtual Result<void> list(std::uint64_t position, const Take& take) = 0;
};

/// What is mounted. Many entries are only ever seen once: lookup() holds what it finds, and the
/// system lets go of it by forget().
///
/// How an error is told to whoever reads: kNotFound ENOENT; kRefused, kSourceDenied EACCES;
/// kSourceGone ESTALE; kUnavailable, kTimeout ETIMEDOUT; kThrottled EBUSY; kCancelled EINTR;
/// all else EIO.
/// Thread: any.
class NodeTree {
 public:
  struct Found {
    NodeNumber node = 0;
    NodeStatus status;
  };

  virtual ~NodeTree() = default;
  virtual Result<Found> lookup(NodeNumber directory, std::string_view name) = 0;
  /// Lets go of so many lookups.
  virtual void forget(NodeNumber node, std::uint64_t lookups) = 0;
  virtual Result<NodeStatus> status(NodeNumber node) = 0;
  virtual Result<std::string> link_target(NodeNumber node) = 0;
  virtual Result<std::shared_ptr<NodeList>> open_directory(NodeNumber node) = 0;
  /// Whether it may be read at all.
  virtual Result<void> open_file(NodeNumber node) = 0;
  /// Fewer bytes than asked for only where the file ends.
  virtual Result<Bytes> read(NodeNumber node, ByteRange range) = 0;
};

/// Mounts `tree` at `directory`, which must be there and empty, for the user who runs us alone;
/// nothing in it is executed with another's rights, and no device in it opens. Returns once `stop`
/// was asked for or it was unmounted; then it is unmounted. `on_ready` is called when it stands.
/// Errors: kInvalidInput for another directory; kUnsupported where the system has no FUSE;
/// kRefused.
Result<void> serve_mount(NodeTree& tree, const std::string& directory,
                         const std::function<void()>& on_ready, const std::stop_token& stop);

/// Errors: kInvalidInput where nothing of ours is mounted at `directory`; kConflict where something
/// in it is in use; kRefused where it is another user's.
Result<void> unmount(const std::string& directory);

}  // namespace obhut::platform
