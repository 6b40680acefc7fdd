#include "tools/cli/managed_client.h"

#include <cstdlib>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "agent/model/strict_json.h"
#include "platform/local_socket.h"
#include "platform/places.h"
#include "tools/cli/command.h"

namespace obhut::cli {

namespace {

using nlohmann::json;

constexpr std::size_t kMaxMessage = std::size_t{4} << 20U;
/// Between two messages: most jobs tell of themselves five times a second, an export is silent.
constexpr std::chrono::hours kPatience{24};

constexpr Message kSocket{"socket of obhutd (or OBHUT_SOCKET)",
                          "Socket von obhutd (oder OBHUT_SOCKET)"};
constexpr Message kNoDaemon{"obhutd does not answer on {}; is it running?",
                            "obhutd antwortet nicht auf {}; läuft er?"};
constexpr Message kHungUp{"obhutd ended the conversation", "obhutd hat das Gespräch beendet"};

ErrorKind kind_of(const std::string& word) {
  for (std::uint8_t number = 0; number <= static_cast<std::uint8_t>(ErrorKind::kInternal);
       ++number) {
    const auto kind = static_cast<ErrorKind>(number);
    if (to_string(kind) == word) return kind;
  }
  return ErrorKind::kInternal;
}

Result<json> last_message(Context& context, json message) {
  if (const auto exit = message.find("exit"); exit != message.end() && exit->is_number_integer()) {
    context.exit_code = exit->get<int>();
  }
  const auto error = message.find("error");
  if (error != message.end() && error->is_object()) {
    return fail(kind_of(error->value("kind", "")), error->value("message", ""));
  }
  message.erase("done");
  message.erase("exit");
  return message;
}

}  // namespace

CLI::App* add_daemon_command(CLI::App& parent, Context& context, const std::string& name,
                             const Message& help, std::string& socket,
                             std::function<Result<void>()> body) {
  CLI::App* command = add_command(parent, context, name, help, {});
  command->callback([&context, body = std::move(body)] {
    const Result<void> done = body();
    const int answered = context.exit_code;
    if (done) return;
    report_error(context, done.error());
    if (answered != kExitDone) context.exit_code = answered;
  });
  command->add_option("--socket", socket, context.say(kSocket))->type_name("PATH");
  return command;
}

std::string default_socket() {
  const char* set = std::getenv("OBHUT_SOCKET");
  return set != nullptr && *set != '\0' ? set : platform::standard_places().socket;
}

Result<json> ask_daemon(Context& context, const std::string& socket, const json& request,
                        const OnEvent& on_event) {
  Result<platform::LocalConnection> connection = platform::LocalConnection::connect(socket);
  if (!connection) {
    const bool silent = connection.error().kind == ErrorKind::kUnavailable ||
                        connection.error().kind == ErrorKind::kNotFound;
    if (silent) return fail(ErrorKind::kNotFound, context.say(kNoDaemon, {socket}));
    return std::unexpected(std::move(connection).error());
  }
  const std::string text = request.dump(-1, ' ', false, json::error_handler_t::replace);
  TRY(connection->send(as_bytes(text), std::chrono::seconds(30), context.stop));
  for (;;) {
    ASSIGN_OR_RETURN(const std::optional<Bytes> bytes,
                     connection->receive(kMaxMessage, kPatience, context.stop));
    if (!bytes) return fail(ErrorKind::kInternal, context.say(kHungUp));
    ASSIGN_OR_RETURN(json message, model::parse_strict_json(as_text(*bytes), "answer of obhutd",
                                                            {.bytes = kMaxMessage, .depth = 16}));
    if (!message.is_object()) return fail(ErrorKind::kInternal, context.say(kHungUp));
    if (message.value("done", false)) return last_message(context, std::move(message));
    if (on_event) on_event(message);
  }
}

}  // namespace obhut::cli
