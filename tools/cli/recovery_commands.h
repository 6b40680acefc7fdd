#pragma once
// A lost device's vault on a fresh endpoint: key recover, key request, key start-over.

#include "tools/cli/context.h"

namespace CLI {
class App;
}

namespace obhut::cli {

/// Below `key`.
void add_recovery_commands(CLI::App& key, Context& context);

}  // namespace obhut::cli
