#include "tools/tray/daemon.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "service/endpoint/conversation.h"
#include "service/endpoint/json_fields.h"

namespace obhut::tray {

using nlohmann::json;

namespace {

std::pair<unsigned, const char*> words_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kUnavailable:
    case ErrorKind::kTimeout:
    case ErrorKind::kThrottled:
      return {503, "unavailable"};
    case ErrorKind::kCrypto:
      return {409, "key-missing"};
    case ErrorKind::kRefused:
    case ErrorKind::kSourceDenied:
      return {403, "refused"};
    case ErrorKind::kNotFound:
      return {404, "not-found"};
    case ErrorKind::kInvalidInput:
    case ErrorKind::kUnsupported:
      return {400, "invalid-input"};
    case ErrorKind::kConflict:
      return {409, "conflict"};
    case ErrorKind::kCancelled:
      return {409, "cancelled"};
    default:
      return {500, "internal"};
  }
}

}  // namespace

Refusal::Refusal(Error error) : message(std::move(error.message)) {
  const auto [code, word] = words_of(error.kind);
  status = code;
  kind = word;
}

Answer<json> Daemon::ask(const json& request, const std::stop_token& gone,
                         const OnMessage& on_message) const {
  Result<endpoint::Conversation> conversation =
      endpoint::Conversation::begin(socket_, request, gone);
  if (!conversation && conversation.error().kind == ErrorKind::kNotFound) {
    return std::unexpected(Refusal(503, "daemon-stopped", conversation.error().message));
  }
  if (!conversation) return std::unexpected(std::move(conversation).error());
  for (;;) {
    ASSIGN_OR_RETURN(json message, conversation->next(gone));
    if (endpoint::flag_or(message, "done")) return endpoint::result_of(std::move(message));
    if (on_message && !on_message(message)) return fail(ErrorKind::kCancelled, "no more wanted");
  }
}

Answer<json> Daemon::list(const json& request, const std::stop_token& gone,
                          const OnMessage& on_entry) const {
  return ask(request, gone, [&](const json& message) {
    const auto entries = message.find("entries");
    if (entries == message.end() || !entries->is_array()) return true;
    return std::ranges::all_of(*entries, on_entry);
  });
}

Response respond(const json& body, unsigned status) {
  return {status, "application/json", body.dump(-1, ' ', false, json::error_handler_t::replace)};
}

Response respond(const Refusal& refusal) {
  return respond({{"error", {{"kind", refusal.kind}, {"message", refusal.message}}}},
                 refusal.status);
}

}  // namespace obhut::tray
