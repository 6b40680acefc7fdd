#pragma once
// The requests that read recovery points: points, ls, find, restore, export, verify.

#include <stop_token>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "agent/base/result.h"
#include "service/endpoint/engine.h"
#include "service/endpoint/requests.h"

namespace obhut::endpoint {

/// What is restored or exported is written as `account`. Errors: kInvalidInput for an unknown
/// command.
Result<nlohmann::json> carry_out_on_points(Engine& engine, const platform::CallerPtr& account,
                                           std::string_view command, const nlohmann::json& request,
                                           Reply& reply, const std::stop_token& stop);

}  // namespace obhut::endpoint
