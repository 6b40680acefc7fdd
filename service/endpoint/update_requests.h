#pragma once
// The requests about newer versions of the agent: update-status, update-check, update-install.

#include <optional>
#include <stop_token>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "agent/base/result.h"
#include "service/endpoint/engine.h"
#include "service/endpoint/requests.h"

namespace obhut::endpoint {

/// How things stand: {"rule", "off", "runs", "offered", "downloaded", "installing", "installed",
/// "checked", "serial", "root", "problem"}; the texts are empty, "checked" null, where there is
/// nothing to say.
nlohmann::json update_json(const UpdateView& view);

/// Of another command nothing. All answer as update_json(); update-install with "handed", the
/// version, beside it. Errors: those of Updater.
std::optional<Result<nlohmann::json>> carry_out_update(Engine& engine, const Asker& asker,
                                                       std::string_view command,
                                                       const std::stop_token& stop);

}  // namespace obhut::endpoint
