#pragma once
// One line that is written over five times a second while a job runs. On a terminal only.

#include <functional>
#include <string>
#include <thread>

#include "tools/cli/context.h"

namespace obhut::cli {

/// Shows `line` on standard error until it goes, then clears it. Does nothing where standard error
/// is no terminal, or the output is JSON.
class ProgressLine {
 public:
  ProgressLine(const Context& context, std::function<std::string()> line);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

 private:
  void run(const std::stop_token& stop);
  Clock& clock_;
  std::function<std::string()> line_;
  std::jthread thread_;
};

}  // namespace obhut::cli
