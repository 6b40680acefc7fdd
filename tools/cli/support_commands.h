#pragma once
// support-bundle: one archive for a partner's support.

#include <string>

#include "tools/cli/context.h"

namespace CLI {
class App;
}

namespace obhut::cli {

/// In: `version` of the program, for the archive.
void add_support_commands(CLI::App& app, Context& context, const std::string& version);

}  // namespace obhut::cli
