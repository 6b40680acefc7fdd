#pragma once
// What is left of this process where it crashes, for whoever mends it. It stays on this machine.

#include <string>

#include "agent/base/result.h"

namespace obhut::platform {

/// From now on a crash writes what the threads were doing, without the contents of memory, into
/// `folder` (made, ours alone); the last five are kept. Elsewhere than on Windows the system keeps
/// dumps in its own way, and this does nothing.
Result<void> keep_crash_dumps(const std::string& folder);

}  // namespace obhut::platform
