#include "platform/local_files.h"
#include "platform/machine.h"
#include "platform/places.h"
#include "platform/win.h"

namespace obhut::platform {

const Places& standard_places() {
  static const Places places = [] {
    const std::string home =
        join(win::known_folder(FOLDERID_ProgramData, "/C/ProgramData"), "Obhut");
    const Result<std::string> program = program_path();
    const std::string system = win::known_folder(FOLDERID_System, "/C/Windows/System32");
    return Places{.home = home,
                  .config = join(home, "agent.toml"),
                  .state = join(home, "state"),
                  .socket = join(home, "obhutd"),
                  .keys = join(home, "keys"),
                  .hooks = join(home, "hooks"),
                  .program_path = system_text(system) + ";" + system_text(parent_of(system)),
                  .neutral_folder = system,
                  .log_file = join(home, "log/obhutd.log"),
                  .crashes = join(home, "crashes"),
                  .window = program ? join(parent_of(*program), "window") : std::string(),
                  .brand = join(home, "brand"),
                  .left_token = join(home, "state/token"),
                  .release_root = join(home, "release-root.json"),
                  .updates = join(home, "update"),
                  .zones = program ? join(parent_of(*program), "tzdata") : std::string()};
  }();
  return places;
}

}  // namespace obhut::platform
