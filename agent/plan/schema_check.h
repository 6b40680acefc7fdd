#pragma once
// Holds a plan's JSON against the schema in the tree. Sole home of valijson.

#include <nlohmann/json_fwd.hpp>

#include "agent/base/result.h"

namespace obhut::plan {

/// Errors: kInvalidInput with the JSON pointer of the innermost member that is wrong.
Result<void> check_schema(const nlohmann::json& plan);

}  // namespace obhut::plan
