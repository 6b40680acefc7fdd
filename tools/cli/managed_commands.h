#pragma once
// The commands that ask obhutd: status, enroll, backup, points, ls, find, restore, export, verify,
// plan, key. They need no key and open no vault themselves.

#include "tools/cli/context.h"

namespace CLI {
class App;
}

namespace obhut::cli {

void add_managed_commands(CLI::App& app, Context& context);

}  // namespace obhut::cli
