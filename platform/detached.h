#pragma once
// A program that stays when the one that started it ends: nobody's terminal, nobody's folder.

#include <string>
#include <vector>

#include "agent/base/result.h"

namespace obhut::platform {

/// What it writes when it stands; everything before it is for a person to read.
inline constexpr char kReadyByte = '\0';

struct Started {
  bool ready = false;
  int exit_code = 0;   ///< where it is not ready: it ended instead
  std::string output;  ///< what it wrote until then, on both streams, 64 KiB at most
};

/// Starts `program` (a path) in a session of its own, in the root folder, with no input, and waits
/// until it writes kReadyByte or ends. Errors: kUnsupported; those of starting it.
Result<Started> start_detached(const std::string& program,
                               const std::vector<std::string>& arguments);

}  // namespace obhut::platform
