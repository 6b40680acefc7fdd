#pragma once
// A conversation with obhutd over its local socket: service/endpoint/local_control.h.

#include <functional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "agent/base/result.h"
#include "service/endpoint/conversation.h"
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

/// The beginning of that alone, for conversations of another kind. Errors: as above.
Result<endpoint::Conversation> begin_conversation(const Context& context, const std::string& socket,
                                                  const nlohmann::json& request);

using ToText = std::string (*)(const Context&, const nlohmann::json&);
/// Asks, shows progress meanwhile, prints the answer.
Result<void> converse(Context& context, const std::string& socket, const nlohmann::json& request,
                      ToText to_text);

/// The exit code that `error` of the daemon calls for, where it did not say so itself.
int exit_code_of_daemon(const Error& error);

/// Adds a command that asks the daemon: with --json and --socket. An error of `body` is reported;
/// an exit code that came from the daemon stands, since it knows whether it was the cluster that
/// could not be reached.
CLI::App* add_daemon_command(CLI::App& parent, Context& context, const std::string& name,
                             const Message& help, std::string& socket,
                             std::function<Result<void>()> body);

}  // namespace obhut::cli
