#include "platform/event_log.h"

namespace obhut::platform {

void log_event(LoggedEvent /*event*/, std::string_view /*text*/) {}

}  // namespace obhut::platform
