#pragma once
// A conversation with obhutd over its local socket: service/endpoint/local_control.h.

#include <functional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "agent/base/result.h"
#include "tools/cli/context.h"

namespace CLI {
class App;
}

namespace obhut::cli {

/// Told of everything that comes before the last message.
using OnEvent = std::function<void(const nlohmann::json& event)>;

/// Asks and waits for the last message, given without its frame ("done", "exit"). Its "exit"
/// becomes the command's exit code.
/// Errors: kNotFound where no daemon answers; what the daemon answered; kCancelled.
Result<nlohmann::json> ask_daemon(Context& context, const std::string& socket,
                                  const nlohmann::json& request, const OnEvent& on_event);

/// Adds a command that asks the daemon: with --json and --socket. An error of `body` is reported;
/// an exit code that came from the daemon stands, since it knows whether it was the cluster that
/// could not be reached.
CLI::App* add_daemon_command(CLI::App& parent, Context& context, const std::string& name,
                             const Message& help, std::string& socket,
                             std::function<Result<void>()> body);

/// OBHUT_SOCKET, or where the daemon listens by default.
std::string default_socket();

}  // namespace obhut::cli
