#pragma once
// Files that the user names.

#include <cstddef>
#include <string>

#include "agent/base/bytes.h"
#include "agent/base/result.h"

namespace obhut::cli {

/// A file that is not there is a wrong argument, not a failure of ours.
/// Errors: kInvalidInput for that; those of platform::read_file, also for one larger than `most`.
Result<Bytes> read_named_file(const std::string& path, std::size_t most);

/// Its text; "-" is standard input. Errors: kInvalidInput also for more than `most` bytes there.
Result<std::string> read_text_input(const std::string& file, std::size_t most);

}  // namespace obhut::cli
