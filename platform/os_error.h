#pragma once
// The one place where a number of the operating system becomes an ErrorKind.

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace obhut::platform {

/// Whose file it is decides what a failure means: an unreadable source is skipped and listed, an
/// unreadable vault stops the job.
enum class Whose : std::uint8_t {
  kSource,  ///< an entry that is backed up
  kOurs,    ///< a vault, our state, a restore target
};

/// `code` is errno or GetLastError(). Reads "open /etc/shadow: permission denied"; `path` is made
/// printable here.
Error os_error(int code, Whose whose, std::string_view action, std::string_view path);

/// The system's words for `code`, lower case.
std::string os_error_text(int code);

// What each system tells in its own way.

/// As the system writes them; empty where it knows no such code.
std::string os_error_words(int code);
ErrorKind os_error_kind(int code, Whose whose);

}  // namespace obhut::platform
