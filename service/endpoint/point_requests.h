#pragma once
// The requests that read recovery points: points, ls, find, restore, export, verify.

#include <stop_token>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "agent/base/result.h"
#include "agent/restore/selection.h"
#include "service/endpoint/point_reader.h"
#include "service/endpoint/requests.h"

namespace obhut::endpoint {

/// Whoever is no administrator sees and restores what that account could have read, and what its
/// grants open; everything is written as the account that asks. Errors: kInvalidInput for an
/// unknown command.
Result<nlohmann::json> carry_out_on_points(const PointSource& source, const Asker& asker,
                                           std::string_view command, const nlohmann::json& request,
                                           Reply& reply, const std::stop_token& stop);

/// What a request asks for: "paths" and "pattern". Errors: kInvalidInput.
Result<restore::Selection> selection_of(const nlohmann::json& request);

/// Where `command` is to write, as it will: "to". Errors: kInvalidInput.
Result<std::string> target_of(const nlohmann::json& request, std::string_view command);

/// The asker's grants as far as they are for `vault`.
std::vector<HeldGrant> grants_of(const Asker& asker, const VaultId& vault);

}  // namespace obhut::endpoint
