#pragma once
// The restore window's server, from the first time that the window is opened to the program's end.

#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "agent/base/clock.h"
#include "tools/tray/http_server.h"
#include "tools/tray/window.h"

namespace obhut::tray {

/// Thread: any.
class WindowHost {
 public:
  struct Options {
    std::string page;  ///< folder of the page
    std::uint16_t port = 0;
    std::string language;  ///< "de" or "en"
  };
  WindowHost(const Daemon& daemon, const Clock& clock, const Brand& brand, Options options)
      : daemon_(daemon), clock_(clock), brand_(brand), options_(std::move(options)) {}

  /// The window's address, with the token that opens it. Errors: those of PageFiles and HttpServer.
  Result<std::string> address();

 private:
  const Daemon& daemon_;
  const Clock& clock_;
  const Brand& brand_;
  const Options options_;
  std::mutex mutex_;
  std::string token_;
  std::unique_ptr<Window> window_;
  std::unique_ptr<HttpServer> server_;
  std::jthread thread_;
};

}  // namespace obhut::tray
