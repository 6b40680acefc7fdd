#pragma once
// Restoring in a process of its own, which a service manager starts for each request.
//
// The daemon runs for years, speaks with the network, and need not write outside its own folder;
// what is restored may have to go anywhere, with any owner and mode. So the daemon decides who may,
// and hands the asker's connection over: the other process sees for itself who that is, answers
// there, and tells the daemon alone how far it is.

#include <stop_token>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "agent/base/log.h"
#include "agent/base/result.h"
#include "platform/local_socket.h"
#include "service/endpoint/config.h"
#include "service/endpoint/engine.h"

namespace obhut::endpoint {

/// Requests that write where their asker says.
bool is_for_restore_service(std::string_view command);

/// Daemon's side: hands `client` over and shows the activity until the other process ends.
/// In: "grants" of the request are those that count there, by id. Out: the other process's last
/// word, {"outcome", "files", …}; null where it was not heard.
/// Errors: kUnavailable naming the unit where it does not listen. Then the client is still ours.
Result<nlohmann::json> hand_to_restore_service(Engine& engine, const std::string& socket,
                                               const platform::LocalConnection& client,
                                               const nlohmann::json& request,
                                               const std::stop_token& stop);

/// The other side: carries out the one request that was handed over on standard input.
/// Errors: those before anybody could be answered.
Result<void> serve_restore(const Config& config, Clock& clock, const Log& log,
                           const std::stop_token& stop);

}  // namespace obhut::endpoint
