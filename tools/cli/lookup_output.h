#pragma once
// What looking across recovery points found, for people.

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "tools/cli/context.h"

namespace obhut::cli {

/// An entry of `obhut find --all-points`: as a list shows it, and the point that holds it.
std::string found_line(const Context& context, const nlohmann::json& entry);
/// One line a version; those that are the same in the points before are told as one.
std::string versions_text(const Context& context, const nlohmann::json& answer);
std::string changes_text(const Context& context, const nlohmann::json& answer);
std::string dry_run_text(const Context& context, const nlohmann::json& answer);

}  // namespace obhut::cli
