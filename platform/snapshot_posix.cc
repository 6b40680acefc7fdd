#include <array>

#include <sys/random.h>

#include "agent/base/check.h"
#include "agent/base/text.h"
#include "platform/btrfs_snapshots.h"
#include "platform/lvm_snapshots.h"
#include "platform/snapshot.h"
#include "platform/snapshot_set.h"

namespace obhut::platform {

std::vector<std::unique_ptr<VolumeSnapshots>> volume_snapshots() {
  std::vector<std::unique_ptr<VolumeSnapshots>> kinds;
  kinds.reserve(2);
  // btrfs first: one that lies on a logical volume is held still more cheaply by itself.
  kinds.push_back(std::make_unique<BtrfsSnapshots>());
  kinds.push_back(std::make_unique<LvmSnapshots>());
  return kinds;
}

std::string new_snapshot_name() {
  std::array<std::uint8_t, 16> random{};
  CHECK(::getrandom(random.data(), random.size(), 0) == static_cast<ssize_t>(random.size()));
  return to_hex(random);
}

}  // namespace obhut::platform
