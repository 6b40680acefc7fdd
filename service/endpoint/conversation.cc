#include "service/endpoint/conversation.h"

#include <cstdlib>

#include <nlohmann/json.hpp>

#include "agent/model/strict_json.h"
#include "platform/places.h"
#include "service/endpoint/json_fields.h"

namespace obhut::endpoint {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxMessage = std::size_t{4} << 20U;
constexpr std::chrono::seconds kSendPatience{30};
/// Between two messages: most jobs tell of themselves five times a second, an export is silent.
constexpr std::chrono::hours kPatience{24};

ErrorKind kind_of(const std::string& word) {
  for (std::uint8_t number = 0; number <= static_cast<std::uint8_t>(ErrorKind::kInternal);
       ++number) {
    const auto kind = static_cast<ErrorKind>(number);
    if (to_string(kind) == word) return kind;
  }
  return ErrorKind::kInternal;
}

}  // namespace

Result<Conversation> Conversation::begin(const std::string& socket, const json& request,
                                         const std::stop_token& stop) {
  Result<platform::LocalConnection> connection = platform::LocalConnection::connect(socket);
  if (!connection) {
    const bool silent = connection.error().kind == ErrorKind::kUnavailable ||
                        connection.error().kind == ErrorKind::kNotFound;
    if (silent) return fail(ErrorKind::kNotFound, "obhutd does not answer on " + socket);
    return std::unexpected(std::move(connection).error());
  }
  Conversation conversation(std::move(*connection));
  TRY(conversation.say(request, stop));
  return conversation;
}

Result<json> Conversation::next(const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const Bytes bytes, next_bytes(kMaxMessage, stop));
  ASSIGN_OR_RETURN(json message, model::parse_strict_json(as_text(bytes), "answer of obhutd",
                                                          {.bytes = kMaxMessage, .depth = 16}));
  if (!message.is_object()) return fail(ErrorKind::kInternal, "answer of obhutd: want an object");
  return message;
}

Result<Bytes> Conversation::next_bytes(std::size_t cap, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(std::optional<Bytes> bytes, connection_.receive(cap, kPatience, stop));
  if (!bytes) return fail(ErrorKind::kUnavailable, "obhutd ended the conversation");
  return std::move(*bytes);
}

Result<void> Conversation::say(const json& message, const std::stop_token& stop) {
  const std::string text = message.dump(-1, ' ', false, json::error_handler_t::replace);
  return connection_.send(as_bytes(text), kSendPatience, stop);
}

std::string default_socket() {
  const char* set = std::getenv("OBHUT_SOCKET");
  return set != nullptr && *set != '\0' ? set : platform::standard_places().socket;
}

Result<json> result_of(json last) {
  const auto error = last.find("error");
  if (error != last.end() && error->is_object()) {
    return fail(kind_of(text_or(*error, "kind")), text_or(*error, "message"));
  }
  last.erase("done");
  last.erase("exit");
  return last;
}

}  // namespace obhut::endpoint
