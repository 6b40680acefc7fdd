#pragma once
// What can be asked over the local socket, apart from the socket.

#include <stop_token>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "agent/base/pause_gate.h"
#include "agent/base/result.h"
#include "platform/account.h"
#include "platform/caller.h"
#include "service/endpoint/daemon.h"
#include "service/endpoint/grant_keeper.h"

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
  platform::Account who{};
  std::vector<HeldGrant> grants{};  ///< what opens more to it than its own rights; not to root
  /// Closed while whoever asks wants a restore to stand still; null: never.
  const PauseGate* pause = nullptr;
};

/// Whether `command` may be asked for at all: administrators may all, others look into recovery
/// points and restore from them, as far as their own rights go, see how things stand, start a
/// backup and pause for a day.
/// Errors: kRefused.
Result<void> check_asker(Daemon& daemon, Audience audience, std::string_view command,
                         const nlohmann::json& request);

/// What anything else than joining and the status is answered with before the endpoint has joined.
Error not_enrolled();

/// The exit code of tools/cli/exit_codes.h that says what went wrong.
int exit_code_of(ErrorKind kind);

/// Commands: status, watch (the status once nothing runs any more), enroll, backup, pause, resume,
/// points, ls, find, search, versions, preview, changes, restore, export, verify, plan, billing,
/// key-show, key-passphrase, key-confirm, key-recover, key-request, key-answer, key-start-over,
/// grants, grant-add, grant-drop, update-status, update-check, update-install. The result's members
/// are those that `obhut … --json` prints. Errors: kInvalidInput for an unknown command or wrong
/// arguments; those of what was asked.
Result<nlohmann::json> carry_out(Daemon& daemon, const Asker& asker, std::string_view command,
                                 const nlohmann::json& request, Reply& reply,
                                 const std::stop_token& stop);

}  // namespace obhut::endpoint
