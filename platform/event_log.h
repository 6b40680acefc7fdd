#pragma once
// What the tools that watch over machines filter for: events with numbers that do not change.

#include <cstdint>
#include <string>
#include <string_view>

namespace obhut::platform {

/// The numbers are part of the interface (docs/windows.md, service/endpoint/windows/events.mc).
enum class LoggedEvent : std::uint16_t {
  kBackupDone = 1000,
  kBackupIncomplete = 1001,  ///< done, and entries were skipped
  kBackupFailed = 1002,
  kBackupCancelled = 1003,
  kServiceStarted = 1100,
  kServiceFailed = 1101,
};

/// To the system's log of events: Windows' Event Log, source "Obhut". Elsewhere the service's own
/// log is where such tools look, and has it already.
void log_event(LoggedEvent event, std::string_view text);

}  // namespace obhut::platform
