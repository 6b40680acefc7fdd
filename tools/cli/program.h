#pragma once
// What the main() of every command line around here does.

#include "tools/cli/context.h"

namespace CLI {
class App;
}

namespace obhut::cli {

struct ProgramFace {
  const char* name;
  const char* version;
  Message about;
  Message footer{"", ""};
};

/// Takes the command line apart, runs the command that it names, and returns the exit code of
/// exit_codes.h. Whoever starts the program bare sees what it can do, and kExitUsage.
int run_program(int argc, char** argv, const ProgramFace& face,
                void (*add_commands)(CLI::App& app, Context& context));

}  // namespace obhut::cli
