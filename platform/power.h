#pragma once
// What a backup costs where the machine stands now: its battery, its mobile data.

#include <cstdint>
#include <string>

namespace obhut::platform {

enum class PowerSource : std::uint8_t { kMains, kBattery, kUnknown };

/// What the machine runs on. Batteries of mice and headsets do not count.
/// In: `root` is put before every path asked: "" for this machine, a folder for tests.
/// Source: Documentation/ABI/testing/sysfs-class-power of the kernel.
PowerSource power_source(const std::string& root = "");

enum class NetworkCost : std::uint8_t { kFree, kMetered, kUnknown };

/// What the network of the default route costs, as far as files tell: what NetworkManager was set
/// to for the connection, whether it is a mobile modem, a phone or Bluetooth, and whether the DHCP
/// server said ANDROID_METERED. Behind a VPN: kUnknown. In: `root` as above.
NetworkCost network_cost(const std::string& root = "");

}  // namespace obhut::platform
