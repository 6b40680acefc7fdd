#include "tools/cli/program.h"

#include <clocale>
#include <cstdio>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "agent/base/text.h"
#include "platform/machine.h"
#include "platform/signals.h"
#include "platform/startup.h"

namespace obhut::cli {

namespace {

constexpr Message kUnknown{"{}: {}: no such command or option; see {} --help\n",
                           "{}: {}: kein solcher Befehl, keine solche Option; siehe {} --help\n"};

}  // namespace

int run_program(int argc, char** argv, const ProgramFace& face,
                void (*add_commands)(CLI::App& app, Context& context)) {
  const std::vector<std::string> given = platform::start_program(argc, argv);
  const platform::StopOnSignal signals;
  // Names in archives are UTF-8 wherever they can be; nothing else depends on the locale.
  std::setlocale(LC_CTYPE, "C.UTF-8");
  platform::restrict_new_files();
  platform::raise_open_file_limit();
  SystemClock clock;
  Context context{.clock = clock,
                  .language = language_of_environment(),
                  .stop = signals.token(),
                  .log = Log::to_stderr(LogLevel::kWarn)};

  CLI::App app(context.say(face.about), face.name);
  app.footer(context.say(face.footer));
  app.set_version_flag("--version", face.version);
  app.require_subcommand(1);
  add_commands(app, context);
  // On a bad day one needs the way, and not a complaint.
  if (given.size() < 2) {
    std::fputs(app.help().c_str(), stderr);
    return kExitUsage;
  }
  try {
    // The library takes them from behind, and without the program's name.
    app.parse(std::vector<std::string>(given.rbegin(), given.rend() - 1));
  } catch (const CLI::RequiredError& problem) {
    // What was not understood is more to the point than what is missing for it.
    const std::vector<std::string> unknown = app.remaining(/*recurse=*/true);
    if (unknown.empty()) {
      app.exit(problem);
    } else {
      std::fputs(context.say(kUnknown, {face.name, printable(unknown[0]), face.name}).c_str(),
                 stderr);
    }
    return kExitUsage;
  } catch (const CLI::ParseError& problem) {
    // Help and version are no mistakes; all else is wrong usage, whatever CLI11 numbers it.
    return app.exit(problem) == 0 ? kExitDone : kExitUsage;
  }
  return context.exit_code;
}

}  // namespace obhut::cli
