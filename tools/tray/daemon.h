#pragma once
// What the window asks the daemon, and how the daemon's refusals reach the page.

#include <functional>
#include <stop_token>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "agent/base/result.h"
#include "tools/tray/http_server.h"

namespace obhut::tray {

/// Why the page does not get what it asked for, in the words of its API.
struct Refusal {
  unsigned status = 500;
  std::string kind;
  std::string message;

  Refusal(unsigned code, std::string word, std::string text)
      : status(code), kind(std::move(word)), message(std::move(text)) {}
  Refusal(Error error);  // NOLINT(google-explicit-constructor): every Error is one
};
template <class T>
using Answer = std::expected<T, Refusal>;

/// False where no more is wanted: the request is cancelled then.
using OnMessage = std::function<bool(const nlohmann::json& message)>;

/// The daemon as its own user sees it. Thread: any.
class Daemon {
 public:
  explicit Daemon(std::string socket) : socket_(std::move(socket)) {}

  /// Asks and waits for the last message. `on_message` is told of what comes before.
  /// Refused with "daemon-stopped", what the daemon answered, "cancelled" where `on_message` or
  /// `gone` say so.
  Answer<nlohmann::json> ask(const nlohmann::json& request, const std::stop_token& gone,
                             const OnMessage& on_message = {}) const;
  /// All objects of "entries" events, one by one.
  Answer<nlohmann::json> list(const nlohmann::json& request, const std::stop_token& gone,
                              const OnMessage& on_entry) const;

  [[nodiscard]] const std::string& socket() const { return socket_; }

 private:
  std::string socket_;
};

Response respond(const nlohmann::json& body, unsigned status = 200);
Response respond(const Refusal& refusal);

}  // namespace obhut::tray
