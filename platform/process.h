#pragma once
// Runs another program to its end: local hooks, and the tests.

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/bytes.h"
#include "agent/base/result.h"

namespace obhut::platform {

struct Command {
  /// Path, or a name looked up in PATH. No shell sees it.
  std::string program;
  std::vector<std::string> arguments;  ///< without the program's name
  /// Nothing: ours is passed on. Otherwise exactly these.
  std::optional<std::vector<std::pair<std::string, std::string>>> environment;
  std::string working_directory;  ///< empty: ours
  Bytes input;                    ///< for its standard input
  std::chrono::milliseconds timeout{60'000};
  std::size_t output_cap = 1 << 20;  ///< of each stream; what comes after is read and dropped
  bool join_streams = false;         ///< standard error goes into `output`, in the order written
  /// What is left to it to come to its own end once `stop` is asked for.
  std::chrono::milliseconds stop_patience{0};
};

struct Outcome {
  int exit_code = 0;  ///< 128 + signal where a signal ended it
  bool timed_out = false;
  bool truncated = false;  ///< it wrote more than the cap
  std::string output;
  std::string error_output;
};

/// Past the timeout, or once `stop` is asked for and its patience is over, the program and all it
/// started (its process group) is ended. What it left behind when it came to its own end runs on,
/// and is not listened to any more. Errors: kNotFound, kRefused where it cannot be started;
/// kCancelled.
Result<Outcome> run(const Command& command, std::stop_token stop = {});

}  // namespace obhut::platform
