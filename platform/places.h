#pragma once
// Where the programs keep their things on this system, unless they are told otherwise.

#include <string>

namespace obhut::platform {

struct Places {
  std::string home;            ///< folder of all of these, ours alone; "" where they lie in several
  std::string config;          ///< the settings file
  std::string state;           ///< the daemon's folder
  std::string socket;          ///< its local socket
  std::string keys;            ///< key files that a plan may name
  std::string hooks;           ///< programs that a plan may name
  std::string program_path;    ///< PATH for programs that the daemon starts
  std::string neutral_folder;  ///< where they start: nobody's home
  std::string log_file;        ///< of the daemon, where nobody keeps its standard error; else ""
  std::string crashes;         ///< folder for what is left of a crash
  std::string window;          ///< the page of the restore window
  std::string brand;           ///< brand.json: in whose name that speaks
  /// Where the package leaves a registration token that it was told itself, for this once; else "".
  std::string left_token;
  std::string release_root;  ///< whose signatures count on newer versions of the agent
  std::string updates;       ///< where a package is proved and installed from, apart from the state
  /// The time zones as IANA writes them, where the system has none of its own; else "".
  std::string zones;
};

const Places& standard_places();

}  // namespace obhut::platform
