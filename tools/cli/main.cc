// obhut: the command line. Each group of commands is a file of its own; main builds their
// surroundings and turns what they say into an exit code.

#include <clocale>

#include <CLI/CLI.hpp>

#include "platform/machine.h"
#include "platform/signals.h"
#include "platform/startup.h"
#include "tools/cli/context.h"
#include "tools/cli/managed_commands.h"
#include "tools/cli/vault_commands.h"

namespace {

constexpr obhut::cli::Message kAbout{"obhut: managed backup", "obhut: verwaltete Datensicherung"};

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> given = obhut::platform::start_program(argc, argv);
  const obhut::platform::StopOnSignal signals;
  // Names in archives are UTF-8 wherever they can be; nothing else depends on the locale.
  std::setlocale(LC_CTYPE, "C.UTF-8");
  obhut::platform::restrict_new_files();
  obhut::platform::raise_open_file_limit();
  obhut::SystemClock clock;
  obhut::cli::Context context{.clock = clock,
                              .language = obhut::cli::language_of_environment(),
                              .stop = signals.token(),
                              .log = obhut::Log::to_stderr(obhut::LogLevel::kWarn)};

  CLI::App app(context.say(kAbout), "obhut");
  app.set_version_flag("--version", OBHUT_VERSION);
  app.require_subcommand(1);
  obhut::cli::add_managed_commands(app, context);
  obhut::cli::add_vault_commands(app, context);
  try {
    // The library takes them from behind, and without the program's name.
    app.parse(std::vector<std::string>(given.rbegin(), given.rend() - 1));
  } catch (const CLI::ParseError& problem) {
    // Help and version are no mistakes; all else is wrong usage, whatever CLI11 numbers it.
    return app.exit(problem) == 0 ? obhut::cli::kExitDone : obhut::cli::kExitUsage;
  }
  return context.exit_code;
}
