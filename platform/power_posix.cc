#include <algorithm>
#include <limits>
#include <optional>
#include <sstream>
#include <vector>

#include "agent/base/text.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "platform/power.h"

namespace obhut::platform {
namespace {

std::string content_of(const std::string& path) {
  constexpr std::size_t kCap = 256 * 1024;
  const Result<Bytes> content = read_file(path, kCap);
  return content ? std::string(as_text(*content)) : std::string();
}

/// The one line of a file in sysfs.
std::string line_of(const std::string& path) {
  std::string text = content_of(path);
  text.resize(std::min(text.size(), text.find('\n')));
  return text;
}

/// The value of the first line "key=value", in the way of uevent, lease and key files.
std::optional<std::string> value_in(const std::string& text, std::string_view key) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == '=') {
      return line.substr(key.size() + 1);
    }
  }
  return std::nullopt;
}

// ---- the network

/// Interface of the default route over IPv4 with the lowest metric: interface, destination,
/// gateway, flags, two counters, metric, mask, in hexadecimal but for counters and metric.
std::string default_interface_4(const std::string& root) {
  std::istringstream lines(content_of(root + "/proc/net/route"));
  std::string best;
  unsigned long lowest = std::numeric_limits<unsigned long>::max();
  std::string line;
  for (std::getline(lines, line); std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string name;
    std::string destination;
    std::string skipped;
    std::string mask;
    unsigned long flags = 0;
    unsigned long metric = 0;
    fields >> name >> destination >> skipped >> std::hex >> flags >> skipped >> skipped >>
        std::dec >> metric >> mask;
    constexpr unsigned long kUp = 1;
    const bool is_default = destination == "00000000" && mask == "00000000";
    if (!fields || !is_default || (flags & kUp) == 0 || metric >= lowest) continue;
    lowest = metric;
    best = name;
  }
  return best;
}

/// The same over IPv6: destination, its prefix length, source, its length, next hop, metric, two
/// counters, flags, interface, all in hexadecimal. The kernel lists a default route that rejects
/// everything on "lo".
std::string default_interface_6(const std::string& root) {
  std::istringstream lines(content_of(root + "/proc/net/ipv6_route"));
  std::string best;
  unsigned long lowest = std::numeric_limits<unsigned long>::max();
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string destination;
    std::string length;
    std::string skipped;
    std::string name;
    unsigned long metric = 0;
    fields >> destination >> length >> skipped >> skipped >> skipped >> std::hex >> metric >>
        skipped >> skipped >> skipped >> name;
    const bool is_default = destination == std::string(32, '0') && length == "00" && name != "lo";
    if (!fields || !is_default || metric >= lowest) continue;
    lowest = metric;
    best = name;
  }
  return best;
}

/// NetworkManager's file of the connection with this id; "" where there is none that we may read.
std::string connection_file(const std::string& root, const std::string& id) {
  for (const char* folder :
       {"/run/NetworkManager/system-connections", "/etc/NetworkManager/system-connections",
        "/usr/lib/NetworkManager/system-connections"}) {
    const Result<std::vector<std::string>> names = list_directory(root + folder);
    if (!names) continue;
    for (const std::string& name : *names) {
      std::string text = content_of(join(root + folder, name));
      if (value_in(text, "uuid") == id) return text;
    }
  }
  return {};
}

/// Numbers of NMMetered: 1 and 2 are what somebody chose, 3 and 4 guesses.
NetworkCost cost_by_network_manager(const std::string& root, const std::string& index) {
  const auto id =
      value_in(content_of(root + "/run/NetworkManager/devices/" + index), "connection-uuid");
  if (!id) return NetworkCost::kUnknown;
  const std::string connection = connection_file(root, *id);
  const std::string chosen = value_in(connection, "metered").value_or("0");
  if (chosen == "1" || chosen == "yes" || chosen == "true") return NetworkCost::kMetered;
  if (chosen == "2" || chosen == "no" || chosen == "false") return NetworkCost::kFree;
  const std::string type = value_in(connection, "type").value_or("");
  const bool mobile = type == "gsm" || type == "cdma" || type == "bluetooth";
  return mobile ? NetworkCost::kMetered : NetworkCost::kUnknown;
}

bool phone_says_metered(const std::string& root, const std::string& index) {
  const auto vendor =
      value_in(content_of(root + "/run/systemd/netif/leases/" + index), "VENDOR_SPECIFIC");
  const std::optional<Bytes> bytes = vendor ? from_hex(*vendor) : std::nullopt;
  return bytes && as_text(*bytes).find("ANDROID_METERED") != std::string_view::npos;
}

}  // namespace

PowerSource power_source(const std::string& root) {
  const std::string folder = root + "/sys/class/power_supply";
  const Result<std::vector<std::string>> names = list_directory(folder);
  if (!names) return PowerSource::kUnknown;
  bool unplugged = false;
  bool discharging = false;
  bool battery = false;
  for (const std::string& name : *names) {
    const std::string supply = join(folder, name);
    const std::string type = line_of(supply + "/type");
    if (line_of(supply + "/scope") == "Device") continue;
    if (type == "Battery") {
      battery = true;
      discharging = discharging || line_of(supply + "/status") == "Discharging";
    } else if (type == "Mains" || type == "USB") {
      if (line_of(supply + "/online") == "1") return PowerSource::kMains;
      unplugged = true;
    }
  }
  if (discharging) return PowerSource::kBattery;
  // A battery that neither charges nor discharges beside a plug that is out: for a moment only.
  if (battery && unplugged) return PowerSource::kBattery;
  return battery ? PowerSource::kMains : PowerSource::kUnknown;
}

NetworkCost network_cost(const std::string& root) {
  std::string name = default_interface_4(root);
  if (name.empty()) name = default_interface_6(root);
  if (name.empty() || name.find('/') != std::string::npos) return NetworkCost::kUnknown;
  const std::string device = root + "/sys/class/net/" + name;
  const std::string index = line_of(device + "/ifindex");
  const NetworkCost chosen = cost_by_network_manager(root, index);
  if (chosen != NetworkCost::kUnknown) return chosen;
  const std::string type = value_in(content_of(device + "/uevent"), "DEVTYPE").value_or("");
  if (type == "wwan" || type == "bluetooth") return NetworkCost::kMetered;
  if (phone_says_metered(root, index)) return NetworkCost::kMetered;
  return NetworkCost::kUnknown;
}

}  // namespace obhut::platform
