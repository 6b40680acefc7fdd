#pragma once
// A conversation with obhutd over its local socket: service/endpoint/local_control.h.

#include <functional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "agent/base/result.h"
#include "tools/cli/context.h"

namespace obhut::cli {

/// Told of everything that comes before the last message.
using OnEvent = std::function<void(const nlohmann::json& event)>;

/// Asks and waits for the last message. Its "exit" becomes the command's exit code.
/// Errors: kNotFound where no daemon answers; what the daemon answered; kCancelled.
Result<nlohmann::json> ask_daemon(Context& context, const std::string& socket,
                                  const nlohmann::json& request, const OnEvent& on_event);

/// OBHUT_SOCKET, or where the daemon listens by default.
std::string default_socket();

}  // namespace obhut::cli
