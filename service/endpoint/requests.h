#pragma once
// What can be asked over the local socket, apart from the socket.

#include <stop_token>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "agent/base/result.h"
#include "platform/caller.h"
#include "service/endpoint/daemon.h"

namespace obhut::endpoint {

/// Takes what comes before the last word.
class Reply {
 public:
  virtual ~Reply() = default;
  /// False where nobody listens any more.
  virtual bool event(const nlohmann::json& message) = 0;
};

/// Whoever asks.
struct Asker {
  Audience audience = Audience::kAnybody;
  platform::CallerPtr account;  ///< in whose name files are written
};

/// The exit code of tools/cli/exit_codes.h that says what went wrong.
int exit_code_of(ErrorKind kind);

/// Commands: status, watch (the status once nothing runs any more), enroll, backup, pause, resume,
/// points, ls, find, restore, export, verify, plan, billing, key-show, key-passphrase, key-confirm,
/// key-recover, key-request, key-answer, key-start-over. The result's members are those that `obhut
/// … --json` prints. Errors: kInvalidInput for an unknown command or wrong arguments; those of what
/// was asked.
Result<nlohmann::json> carry_out(Daemon& daemon, const Asker& asker, std::string_view command,
                                 const nlohmann::json& request, Reply& reply,
                                 const std::stop_token& stop);

}  // namespace obhut::endpoint
