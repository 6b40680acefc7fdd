#pragma once
// obhut.plan/1 as JSON text and back. The schema stands in plan.schema.json, what no schema can
// say in plan_codec.cc; reference for people: docs/plan.md.

#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "agent/model/plan.h"

namespace obhut::plan {

/// Reads one plan: schema first, then what the schema cannot say (paths, patterns, time zone, a
/// schedule that can fire). Unknown members are refused, so that a plan never promises what an
/// older agent would leave out.
/// In:     at most 256 KiB.
/// Errors: kInvalidInput; the message carries the JSON pointer of what is wrong.
Result<model::Plan> parse_plan(std::string_view json);

/// Every member spelled out, in the order of docs/plan.md, on one line.
std::string serialize_plan(const model::Plan& plan);

/// The JSON Schema (draft 7) that parse_plan() holds a plan against.
std::string_view plan_schema();

}  // namespace obhut::plan
