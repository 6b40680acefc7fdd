#include "tools/cli/managed_client.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "agent/base/guarded.h"
#include "tools/cli/command.h"
#include "tools/cli/managed_output.h"
#include "tools/cli/progress_line.h"

namespace obhut::cli {

namespace {

using nlohmann::json;

constexpr Message kSocket{"socket of obhutd (or OBHUT_SOCKET)",
                          "Socket von obhutd (oder OBHUT_SOCKET)"};
constexpr Message kNoDaemon{"obhutd does not answer on {}; is it running?",
                            "obhutd antwortet nicht auf {}; läuft er?"};
constexpr Message kHungUp{"obhutd ended the conversation", "obhutd hat das Gespräch beendet"};

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

Result<endpoint::Conversation> begin_conversation(const Context& context, const std::string& socket,
                                                  const json& request) {
  Result<endpoint::Conversation> conversation =
      endpoint::Conversation::begin(socket, request, context.stop);
  if (!conversation && conversation.error().kind == ErrorKind::kNotFound) {
    return fail(ErrorKind::kNotFound, context.say(kNoDaemon, {socket}));
  }
  return conversation;
}

int exit_code_of_daemon(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kUnavailable:
    case ErrorKind::kTimeout:
    case ErrorKind::kThrottled:
      return kExitUnreachable;
    case ErrorKind::kCrypto:
      return kExitRefused;
    default:
      return exit_code_of(error);
  }
}

Result<json> ask_daemon(Context& context, const std::string& socket, const json& request,
                        const OnEvent& on_event) {
  Result<endpoint::Conversation> conversation = begin_conversation(context, socket, request);
  if (!conversation) return std::unexpected(std::move(conversation).error());
  for (;;) {
    Result<json> message = conversation->next(context.stop);
    if (!message && message.error().kind == ErrorKind::kUnavailable) {
      return fail(ErrorKind::kInternal, context.say(kHungUp));
    }
    if (!message) return message;
    if (!message->value("done", false)) {
      if (on_event) on_event(*message);
      continue;
    }
    const auto exit = message->find("exit");
    if (exit != message->end() && exit->is_number_integer()) context.exit_code = exit->get<int>();
    return endpoint::result_of(std::move(*message));
  }
}

Result<void> converse(Context& context, const std::string& socket, const json& request,
                      ToText to_text) {
  Guarded<std::optional<model::ProgressView>> last;
  const bool lines = context.json && ProgressLine::is_shown(context);
  ASSIGN_OR_RETURN(const json answer, [&]() -> Result<json> {
    const ProgressLine shown(context,
                             [&last] { return last.with([](const auto& view) { return view; }); });
    return ask_daemon(context, socket, request, [&](const json& event) {
      last.with([&](auto& view) { view = progress_in(event); });
    });
  }());
  // After lines of progress the answer is a line as well.
  print(context.json ? answer.dump(lines ? -1 : 2) + "\n" : to_text(context, answer));
  return {};
}

}  // namespace obhut::cli
