#pragma once
// A person in front of us, or a pipe.

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace obhut::platform {

enum class Stream : std::uint8_t { kInput, kOutput, kError };

bool is_terminal(Stream stream);
/// Columns of the terminal on standard error or output; 80 where unknown.
unsigned terminal_width();
/// Asks on the terminal without showing what is typed. kInvalidInput where standard input is no
/// terminal: a script must not hang on a question. The caller wipes the answer.
Result<std::string> ask_secret(std::string_view prompt);
/// Asks on standard output and reads a line of the terminal, without its end; nothing at the end of
/// input. Errors: kCancelled.
Result<std::optional<std::string>> ask_line(std::string_view prompt, const std::stop_token& stop);

}  // namespace obhut::platform
