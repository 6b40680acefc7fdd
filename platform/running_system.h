#pragma once
// What support asks first about the system that we run on.

#include <chrono>
#include <optional>
#include <string>

namespace obhut::platform {

struct RunningSystem {
  std::string kernel;        ///< "Linux 6.1.0-28-amd64"
  std::string architecture;  ///< of the machine, not of the program: "x86_64"
  std::string time_zone;     ///< as the system names it: "Europe/Berlin"; "" where it does not
  std::optional<std::chrono::seconds> uptime;
};

RunningSystem running_system();

}  // namespace obhut::platform
