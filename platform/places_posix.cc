#include "platform/places.h"

namespace obhut::platform {

const Places& standard_places() {
  static const Places kPlaces{
      .home = {},
      .config = "/etc/obhut/agent.toml",
      .state = "/var/lib/obhut",
      .socket = "/run/obhut/obhutd.sock",
      .keys = "/etc/obhut/keys",
      .hooks = "/etc/obhut/hooks",
      .program_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      .neutral_folder = "/",
      .log_file = {},
      .crashes = "/var/lib/obhut/crashes",
      .window = "/usr/share/obhut/window",
      .brand = "/etc/obhut/brand",
      .left_token = "/var/lib/obhut/token",
      .release_root = "/etc/obhut/release-root.json",
      .updates = "/var/lib/obhut-update",
      .zones = {}};
  return kPlaces;
}

}  // namespace obhut::platform
