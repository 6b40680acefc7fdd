#pragma once
// agent.toml: what an administrator may set on an endpoint. Everything has a default; these are
// those of Linux (of Windows: below C:\ProgramData\Obhut).
//
//   state  = "/var/lib/obhut"
//   socket = "/run/obhut/obhutd.sock"
//   keys   = "/etc/obhut/keys"          # key files that a plan may name
//   hooks  = "/etc/obhut/hooks"         # programs that a plan may name
//   hook_limit = "15m"                  # how long one may take (s, m, h)
//   pause_by_users = "yes"              # whether users may pause backups until tomorrow; or "no"
//   updates = "yes"                     # "no": never updates itself, whatever the plan says
//   release_root = "/etc/obhut/release-root.json"  # whose signatures count on updates
//   update_program = "/usr/local/sbin/install-agent"  # instead of the system's package manager
//   update_folder = "/var/lib/obhut-update"  # where packages are installed from
//   token_file = "/etc/obhut/token"     # silent enrolment
//   proxy = "http://proxy:3128"         # or http://user:password@…; "direct": none, whatever plan
//                                       # and system say
//   log = "info"                        # debug, info, warn, error

#include <chrono>
#include <string>
#include <vector>

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
  bool pause_by_users = true;
  bool updates = true;
  std::string release_root = platform::standard_places().release_root;
  std::string update_program;  ///< "": the system's package manager
  std::string update_folder = platform::standard_places().updates;
  std::string token_file;
  std::string proxy;  ///< "": as the plan and the system say; "direct": none
  /// Whose process restores, where ours must not write everywhere; "": ours. Set by the unit alone.
  std::string restore_socket;
  /// Who installs updates, where that must not be a process of ours; "": one that we start. Set by
  /// the unit alone.
  std::string update_socket;
  std::string file;      ///< the settings themselves. Set by the program alone
  std::string version;   ///< that runs. Set by the program alone
  std::string log_file;  ///< "": standard error, which a service manager keeps
  LogLevel log = LogLevel::kInfo;
};

/// What the file sets, into `config`. A missing file is an empty one. Errors: kInvalidInput naming
/// file and line, also for settings that do not exist: a typo must not pass for a default.
Result<void> load_config(const std::string& file, Config& config);
/// Over the defaults.
Result<Config> load_config(const std::string& file);

/// The ways to a URL (see wire::CpprestTransport): the administrator's proxy alone; else the plan's
/// and, should that one lead nowhere, what the system says: a plan with a wrong proxy must not keep
/// away the plan that corrects it.
std::vector<std::string> ways_out(const Config& config, const std::string& plans_proxy,
                                  const std::string& url);

}  // namespace obhut::endpoint
