#pragma once
// Restore grants on this device: grant add, grant list, grant drop.

#include "tools/cli/context.h"

namespace CLI {
class App;
}

namespace obhut::cli {

void add_grant_commands(CLI::App& app, Context& context);

}  // namespace obhut::cli
