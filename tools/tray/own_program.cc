#include "tools/tray/own_program.h"

#include "platform/desktop.h"
#include "platform/machine.h"

namespace obhut::tray {

Result<platform::Outcome> run_obhut(std::vector<std::string> arguments) {
  platform::Command command;
  command.program = platform::program_beside("obhut").value_or("obhut");
  command.arguments = std::move(arguments);
  command.working_directory = platform::signed_in().home;
  command.timeout = std::chrono::minutes(5);
  return platform::run(command);
}

}  // namespace obhut::tray
