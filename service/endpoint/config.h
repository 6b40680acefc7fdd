#pragma once
// agent.toml: what an administrator may set on an endpoint. Everything has a default.
//
//   state  = "/var/lib/obhut"
//   socket = "/run/obhut/obhutd.sock"
//   keys   = "/etc/obhut/keys"          # key files that a plan may name
//   hooks  = "/etc/obhut/hooks"         # programs that a plan may name
//   hook_limit = "15m"                  # how long one may take (s, m, h)
//   token_file = "/etc/obhut/token"     # silent enrolment
//   log = "info"                        # debug, info, warn, error

#include <chrono>
#include <string>

#include "agent/base/log.h"
#include "agent/base/result.h"

namespace obhut::endpoint {

struct Config {
  std::string state = "/var/lib/obhut";
  std::string socket = "/run/obhut/obhutd.sock";
  std::string keys = "/etc/obhut/keys";
  std::string hooks = "/etc/obhut/hooks";
  std::chrono::seconds hook_limit = std::chrono::minutes(15);
  std::string token_file;
  LogLevel log = LogLevel::kInfo;
};

/// A missing file is an empty one. Errors: kInvalidInput naming file and line, also for settings
/// that do not exist: a typo must not pass for a default.
Result<Config> load_config(const std::string& file);

}  // namespace obhut::endpoint
