#pragma once
// The requests about a lost device's vault: key-recover, key-answer, key-request, key-start-over.

#include <optional>
#include <stop_token>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "agent/base/result.h"
#include "service/endpoint/engine.h"

namespace obhut::endpoint {

/// Nothing for a command that is none of these.
std::optional<Result<nlohmann::json>> carry_out_recovery(Engine& engine, std::string_view command,
                                                         const nlohmann::json& request,
                                                         const std::stop_token& stop);

/// The request's "key": a passphrase or recovery key, as its file holds it, in base64url.
/// Errors: kInvalidInput.
Result<vault::KeySource> key_in(const nlohmann::json& request);

/// What `obhut status` says of it; null where nothing is waited for.
nlohmann::json recovery_json(Engine& engine);

}  // namespace obhut::endpoint
