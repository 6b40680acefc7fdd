#pragma once
// Snapshots of btrfs subvolumes, by the kernel's own calls. Linux only.

#include <map>

#include "platform/handle.h"
#include "platform/snapshot.h"

namespace obhut::platform {

/// A volume is "<file system's UUID>:<subvolume's number>".
class BtrfsSnapshots final : public VolumeSnapshots {
 public:
  [[nodiscard]] std::string_view kind() const override { return "btrfs"; }
  Result<std::optional<VolumePlace>> locate(const Handle& directory) override;
  Result<std::unique_ptr<OpenSnapshot>> make(const std::string& volume,
                                             const std::string& name) override;
  Result<void> remove(const std::string& volume, const std::string& name) override;

 private:
  Result<std::string> device_of(const std::string& file_system);

  std::map<std::string, std::string> devices_;  // path of a device of each file system seen
};

}  // namespace obhut::platform
