#pragma once
// What every command gets: where to write, how to speak, when to stop.

#include <cstdint>
#include <initializer_list>
#include <stop_token>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/result.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/messages.h"

namespace obhut::cli {

/// When to show how far a job is: progress_line.h.
enum class ProgressMode : std::uint8_t { kAuto, kNever, kAlways };

/// One command's surroundings. Made in main, handed to every group of commands.
struct Context {
  Clock& clock;
  Language language = Language::kEnglish;
  std::stop_token stop;
  Log log = Log::silent();
  /// What the process ends with; set by the command that ran.
  int exit_code = kExitDone;
  /// Where the machine reads: errors are JSON objects too.
  bool json = false;
  ProgressMode progress = ProgressMode::kAuto;

  [[nodiscard]] std::string say(const Message& message,
                                std::initializer_list<std::string_view> values = {}) const {
    return cli::say(language, message, values);
  }
};

/// The exit code of a command that ended with `error`.
int exit_code_of(const Error& error);

/// Writes all of `text` to standard output; a closed pipe ends quietly.
void print(std::string_view text);
/// One line on standard error, with the program's name; as a JSON object where `context.json`.
/// Sets the exit code.
void report_error(Context& context, const Error& error);

}  // namespace obhut::cli
