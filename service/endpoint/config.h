#pragma once
// agent.toml: what an administrator may set on an endpoint. Everything has a default; these are
// those of Linux (of Windows: below C:\ProgramData\Obhut).
//
//   state  = "/var/lib/obhut"
//   socket = "/run/obhut/obhutd.sock"
//   keys   = "/etc/obhut/keys"          # key files that a plan may name
//   hooks  = "/etc/obhut/hooks"         # programs that a plan may name
//   hook_limit = "15m"                  # how long one may take (s, m, h)
//   token_file = "/etc/obhut/token"     # silent enrolment
//   proxy = "http://proxy:3128"         # else the system's own; "direct": none
//   log = "info"                        # debug, info, warn, error

#include <chrono>
#include <string>

#include "agent/base/log.h"
#include "agent/base/result.h"
#include "platform/places.h"

namespace obhut::endpoint {

struct Config {
  std::string state = platform::standard_places().state;
  std::string socket = platform::standard_places().socket;
  std::string keys = platform::standard_places().keys;
  std::string hooks = platform::standard_places().hooks;
  std::chrono::seconds hook_limit = std::chrono::minutes(15);
  std::string token_file;
  std::string proxy;     ///< "": as the system says; "direct": none
  std::string log_file;  ///< "": standard error, which a service manager keeps
  LogLevel log = LogLevel::kInfo;
};

/// What the file sets, into `config`. A missing file is an empty one. Errors: kInvalidInput naming
/// file and line, also for settings that do not exist: a typo must not pass for a default.
Result<void> load_config(const std::string& file, Config& config);
/// Over the defaults.
Result<Config> load_config(const std::string& file);

/// The proxy for a request, as the settings and the system say: see wire::CpprestTransport.
std::string proxy_for(const Config& config, const std::string& url);

}  // namespace obhut::endpoint
