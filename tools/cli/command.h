#pragma once
// How a command of CLI11 becomes one of ours: options kept alive, errors told, exit code set.

#include <functional>
#include <memory>
#include <string>

#include "agent/base/result.h"
#include "tools/cli/context.h"
#include "tools/cli/vault_session.h"

namespace CLI {
class App;
}

namespace obhut::cli {

/// Adds `name` below `parent`, with --json. `body` runs when the command was given; an error that
/// it returns is reported and decides the exit code.
CLI::App* add_command(CLI::App& parent, Context& context, const std::string& name,
                      const Message& help, std::function<Result<void>()> body);
/// --progress, for commands that take their time.
void add_progress_option(CLI::App& command, Context& context);
/// --vault and --key-file.
void add_vault_options(CLI::App& command, const Context& context, VaultArguments& arguments);
/// The same for commands that only read, which may be from the cluster; and --sheet.
void add_readable_vault_options(CLI::App& command, const Context& context,
                                VaultArguments& arguments);

}  // namespace obhut::cli
