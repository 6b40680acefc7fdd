#pragma once
// The requests about restore grants: grants, grant-add, grant-drop.

#include <optional>
#include <stop_token>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "agent/base/result.h"
#include "service/endpoint/engine.h"
#include "service/endpoint/requests.h"

namespace obhut::endpoint {

/// Of another command nothing.
///
/// grants: {"grants": [G, …]}, of an administrator everybody's.
/// grant-add with "document", or "code" as the partner gave it: {"grant": G}.
/// grant-drop with "id" or its beginning: {"dropped": id}.
///
/// G is {"id", "scope": [path], "destination", "not_before", "expires", "reason", "account",
/// "signer", "open"}; "destination" is "original", "any" or a folder; "account" whom it is for;
/// "open" false before its time has come.
/// Errors: kInvalidInput, kCrypto, kRefused (not for this device, expired, taken back, a code that
/// was used), kNotFound, kThrottled after too many wrong codes; those of the line to the cluster.
std::optional<Result<nlohmann::json>> carry_out_grants(Engine& engine, const Asker& asker,
                                                       std::string_view command,
                                                       const nlohmann::json& request,
                                                       const std::stop_token& stop);

}  // namespace obhut::endpoint
