#pragma once
// An HTTP server for one person: on 127.0.0.1, for browsers of whoever runs us and for pages that
// came from here.
//
// What it refuses before anybody else sees a request: connections of other accounts, another Host
// (a name that was made to lead here), another Origin (a page of somebody else), requests that are
// too large or take too long. What it sends with every answer forbids the page everything but
// itself.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include "agent/base/result.h"

namespace obhut::tray {

struct Request {
  std::string method;
  std::string path;                          ///< decoded
  std::map<std::string, std::string> query;  ///< decoded; the first of equal names
  std::string token;                         ///< of the header X-Obhut-Token
  std::string body;
};

struct Response {
  unsigned status = 200;
  std::string type = "application/json";
  std::string body;
  bool immutable = false;  ///< may be kept for ever; otherwise not at all
};

/// `gone` is asked to stop when nobody waits for the answer any more. Thread: many at once.
using Handler = std::function<Response(const Request& request, const std::stop_token& gone)>;

class HttpServer {
 public:
  /// In: the port, 0 for any that is free. Errors: kUnavailable where it cannot be had.
  static Result<std::unique_ptr<HttpServer>> listen(std::uint16_t port, Handler handler);
  ~HttpServer();

  [[nodiscard]] std::uint16_t port() const;
  /// "http://127.0.0.1:PORT"
  [[nodiscard]] std::string origin() const;
  /// Serves until stopped.
  void run(const std::stop_token& stop);

 private:
  struct State;
  explicit HttpServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace obhut::tray
