#pragma once
// Recovery points that the window showed in the file manager.

#include <map>
#include <mutex>
#include <string>

#include "tools/tray/daemon.h"

namespace obhut::tray {

/// Thread: any.
class Mounts {
 public:
  explicit Mounts(const Daemon& daemon) : daemon_(daemon) {}
  /// Ends them all.
  ~Mounts();
  Mounts(const Mounts&) = delete;
  Mounts& operator=(const Mounts&) = delete;

  [[nodiscard]] static bool possible();
  /// Shows a point as a folder, in the file manager where there is one. Out: that folder.
  Answer<std::string> open(const std::string& location, const std::string& point);

 private:
  const Daemon& daemon_;
  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::string> folders_;
};

}  // namespace obhut::tray
