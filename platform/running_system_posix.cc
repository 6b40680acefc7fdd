#include <array>
#include <cstdlib>
#include <ctime>

#include <sys/utsname.h>
#include <unistd.h>

#include "platform/running_system.h"

namespace obhut::platform {
namespace {

std::string zone_of_the_system() {
  const char* set = std::getenv("TZ");
  if (set != nullptr && *set != '\0') return set;
  std::array<char, 4096> target{};
  const ssize_t length = ::readlink("/etc/localtime", target.data(), target.size());
  if (length <= 0) return {};
  const std::string path(target.data(), static_cast<std::size_t>(length));
  constexpr std::string_view kZones = "zoneinfo/";
  const std::size_t at = path.find(kZones);
  return at == std::string::npos ? std::string() : path.substr(at + kZones.size());
}

}  // namespace

RunningSystem running_system() {
  RunningSystem system;
  utsname names{};
  if (::uname(&names) == 0) {
    system.kernel = std::string(names.sysname) + " " + names.release;
    system.architecture = names.machine;
  }
  system.time_zone = zone_of_the_system();
  timespec since_boot{};
  if (::clock_gettime(CLOCK_BOOTTIME, &since_boot) == 0) {
    system.uptime = std::chrono::seconds(since_boot.tv_sec);
  }
  return system;
}

}  // namespace obhut::platform
