#pragma once
// Snapshots of LVM's logical volumes, by LVM's own program. Linux only.

#include <functional>
#include <set>

#include "platform/handle.h"
#include "platform/mount_table.h"
#include "platform/snapshot.h"

namespace obhut::platform {

/// What of the machine they work with; tests bring another one.
struct LvmHost {
  std::string programs = "/usr/sbin";            ///< folder of the program `lvm`
  std::string block_devices = "/sys/dev/block";  ///< sysfs, by numbers
  std::string device_nodes = "/dev";             ///< <group>/<volume> below it
  std::function<Result<std::vector<Mount>>()> mounts = mount_table;
  std::function<Result<Handle>(const posix::DetachedMount&)> mount = posix::open_detached_mount;
};

/// A volume is "<group>/<volume>:<type of its file system>". Of a thin volume the snapshot takes no
/// room of its own; of any other kind it gets a tenth of the volume's size from the group, and
/// becomes invalid where more than that is overwritten meanwhile.
class LvmSnapshots final : public VolumeSnapshots {
 public:
  explicit LvmSnapshots(LvmHost host = {}) : host_(std::move(host)) {}

  [[nodiscard]] std::string_view kind() const override { return "lvm"; }
  Result<std::optional<VolumePlace>> locate(const Handle& directory) override;
  Result<std::unique_ptr<OpenSnapshot>> make(const std::string& volume,
                                             const std::string& name) override;
  Result<void> remove(const std::string& volume, const std::string& name) override;

 private:
  LvmHost host_;
};

}  // namespace obhut::platform
