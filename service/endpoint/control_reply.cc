#include "service/endpoint/control_reply.h"

#include <nlohmann/json.hpp>

#include "agent/model/strict_json.h"
#include "service/endpoint/json_fields.h"
#include "tools/cli/exit_codes.h"

namespace obhut::endpoint {

using nlohmann::json;

bool SocketReply::event(const json& message) {
  const std::string text = message.dump(-1, ' ', false, json::error_handler_t::replace);
  return connection_.send(as_bytes(text), kControlPatience, stop_).has_value();
}

void SocketReply::finish(Result<json> result) {
  if (result) {
    (*result)["done"] = true;
    if (!result->contains("exit")) (*result)["exit"] = static_cast<int>(cli::kExitDone);
    event(*result);  // ignored, here and below: a client that has gone wants no answer
    return;
  }
  const Error& error = result.error();
  event({{"done", true},
         {"exit", exit_code_of(error.kind)},
         {"error", {{"kind", to_string(error.kind)}, {"message", error.message}}}});
}

ClientListener::ClientListener(platform::LocalConnection& connection, const std::stop_token& stop)
    : forward_(stop, [this] { cancelled_.request_stop(); }),
      thread_([this, &connection](const std::stop_token& end) { listen(connection, end); }) {}

void ClientListener::listen(platform::LocalConnection& connection, const std::stop_token& end) {
  constexpr std::chrono::hours kLong{24};
  while (!end.stop_requested()) {
    const auto said = connection.receive(kMaxControlMessage, kLong, end);
    if (!said && said.error().kind == ErrorKind::kTimeout) continue;
    if (end.stop_requested()) return;
    if (!said || !*said) break;
    const Result<json> message = parse_request(**said);
    const std::string word = message ? text_or(*message, "command") : "";
    if (word == "pause") pause_.pause();
    if (word == "resume") pause_.resume();
    if (word == "cancel") break;
  }
  cancelled_.request_stop();
}

Result<json> parse_request(ByteView bytes) {
  ASSIGN_OR_RETURN(json request,
                   model::parse_strict_json(as_text(bytes), "request",
                                            {.bytes = kMaxControlMessage, .depth = 8}));
  if (!request.is_object()) return fail(ErrorKind::kInvalidInput, "request: want an object");
  return request;
}

}  // namespace obhut::endpoint
