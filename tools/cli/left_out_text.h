#pragma once
// What a restore left out, since the target's system has no such thing.

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "tools/cli/context.h"

namespace obhut::cli {

/// In: the field "left_out" of a restore's report: entries by family of attributes. One line each.
std::string left_out_text(const Context& context, const nlohmann::json& left_out);

}  // namespace obhut::cli
