#include "platform/running_system.h"
#include "platform/win.h"

namespace obhut::platform {
namespace {

std::string architecture_of(WORD number) {
  switch (number) {
    case PROCESSOR_ARCHITECTURE_AMD64:
      return "x86_64";
    case PROCESSOR_ARCHITECTURE_ARM64:
      return "aarch64";
    case PROCESSOR_ARCHITECTURE_INTEL:
      return "x86";
    default:
      return "processor architecture " + std::to_string(number);
  }
}

}  // namespace

RunningSystem running_system() {
  RunningSystem system;
  // The version's number is in system_name(): what asks the kernel is told a compatible one.
  system.kernel = "Windows NT";
  SYSTEM_INFO machine{};
  ::GetNativeSystemInfo(&machine);
  system.architecture = architecture_of(machine.wProcessorArchitecture);
  DYNAMIC_TIME_ZONE_INFORMATION zone{};
  if (::GetDynamicTimeZoneInformation(&zone) != TIME_ZONE_ID_INVALID) {
    system.time_zone = win::to_wtf8(zone.TimeZoneKeyName);
  }
  system.uptime = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::milliseconds(::GetTickCount64()));
  return system;
}

}  // namespace obhut::platform
