#pragma once
// How a point's sources were held still, in words.

#include <nlohmann/json_fwd.hpp>

#include "tools/cli/context.h"

namespace obhut::cli {

/// Of the stable words of model::Consistency; empty for any other one.
std::string consistency_text(const Context& context, std::string_view word);

/// Paths and reasons of what was read without a snapshot, a line each below a title; empty for
/// none. In: an array of {"path", "reason"}.
std::string read_live_text(const Context& context, const nlohmann::json& read_live);

}  // namespace obhut::cli
