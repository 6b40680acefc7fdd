#pragma once
// What can be asked about pausing.

#include <optional>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "agent/base/result.h"
#include "service/endpoint/engine.h"

namespace obhut::endpoint {

/// {"paused", "reasons": of "asked", "battery", "metered", "since", "until"}.
nlohmann::json pause_json(const PauseView& view);

/// Commands: pause, resume; nothing for another one. The answer is pause_json().
std::optional<Result<nlohmann::json>> carry_out_pause(Engine& engine, std::string_view command,
                                                      const nlohmann::json& request);

}  // namespace obhut::endpoint
