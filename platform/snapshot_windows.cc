#include <array>
#include <thread>

#include "agent/base/check.h"
#include "agent/base/text.h"
#include "platform/snapshot.h"
#include "platform/snapshot_set.h"
#include "platform/vss_requester_windows.h"
#include "platform/vss_snapshots.h"
#include "platform/win.h"

namespace obhut::platform {

std::vector<std::unique_ptr<VolumeSnapshots>> volume_snapshots() {
  std::vector<std::unique_ptr<VolumeSnapshots>> kinds;
  kinds.push_back(std::make_unique<VssSnapshots>(
      win::make_vss_requester, win::locate_volume,
      [](std::chrono::seconds time) { std::this_thread::sleep_for(time); }));
  return kinds;
}

std::string new_snapshot_name() {
  std::array<std::uint8_t, 16> random{};
  CHECK(::BCryptGenRandom(nullptr, random.data(), static_cast<ULONG>(random.size()),
                          BCRYPT_USE_SYSTEM_PREFERRED_RNG) >= 0);
  return to_hex(random);
}

}  // namespace obhut::platform
