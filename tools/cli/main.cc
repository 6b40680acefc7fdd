// obhut: the command line. Each group of commands is a file of its own.

#include "tools/cli/completion.h"
#include "tools/cli/managed_commands.h"
#include "tools/cli/program.h"
#include "tools/cli/support_commands.h"
#include "tools/cli/vault_commands.h"

namespace {

void add_commands(CLI::App& app, obhut::cli::Context& context) {
  obhut::cli::add_managed_commands(app, context);
  obhut::cli::add_vault_commands(app, context);
  obhut::cli::add_support_commands(app, context, OBHUT_VERSION);
  obhut::cli::add_completion_command(app, context);
}

}  // namespace

int main(int argc, char** argv) {
  return obhut::cli::run_program(
      argc, argv,
      {.name = "obhut",
       .version = OBHUT_VERSION,
       .about = {"obhut: managed backup", "obhut: verwaltete Datensicherung"}},
      add_commands);
}
