#include "platform/event_log.h"
#include "platform/win.h"

namespace obhut::platform {
namespace {

WORD type_of(LoggedEvent event) {
  switch (event) {
    case LoggedEvent::kBackupDone:
    case LoggedEvent::kServiceStarted:
      return EVENTLOG_INFORMATION_TYPE;
    case LoggedEvent::kBackupIncomplete:
    case LoggedEvent::kBackupCancelled:
      return EVENTLOG_WARNING_TYPE;
    default:
      return EVENTLOG_ERROR_TYPE;
  }
}

}  // namespace

void log_event(LoggedEvent event, std::string_view text) {
  const std::wstring wide = win::to_wide(text).value_or(L"");
  const HANDLE log = ::RegisterEventSourceW(nullptr, L"Obhut");
  if (log == nullptr) return;  // nobody to tell; the log file has it
  const wchar_t* line = wide.c_str();
  static_cast<void>(::ReportEventW(log, type_of(event), 0, static_cast<DWORD>(event), nullptr, 1, 0,
                                   &line, nullptr));
  static_cast<void>(::DeregisterEventSource(log));
}

}  // namespace obhut::platform
