#pragma once
// Newer versions of the agent: update status, update check, update install.

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "tools/cli/context.h"

namespace CLI {
class App;
}

namespace obhut::cli {

void add_update_commands(CLI::App& app, Context& context);

/// What `obhut status` says of them, on one line.
std::string update_line(const Context& context, const nlohmann::json& updates);

}  // namespace obhut::cli
