#pragma once
// What a plan must keep to beyond its schema.

#include "agent/base/result.h"
#include "agent/model/plan.h"

namespace obhut::plan {

/// Errors: kInvalidInput with a JSON pointer.
Result<void> check_rules(const model::Plan& plan);

}  // namespace obhut::plan
