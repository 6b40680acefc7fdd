#pragma once
// A folder that goes with the test.

#include <string>

#include "agent/base/check.h"
#include "platform/local_files.h"

namespace obhut::tests {

class Scratch {
 public:
  Scratch() {
    Result<std::string> made = platform::make_temporary_directory("obhut-test-");
    CHECK(made.has_value());
    path_ = std::move(*made);
  }
  ~Scratch() { static_cast<void>(platform::remove_tree(path_)); }  // ignored: it is in /tmp
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  [[nodiscard]] std::string in(std::string_view name) const { return platform::join(path_, name); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace obhut::tests
