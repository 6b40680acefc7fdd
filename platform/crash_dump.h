#pragma once
// What is left of this process where it crashes, for whoever mends it. It stays on this machine.

#include <string>

#include "agent/base/result.h"

namespace obhut::platform {

/// From now on a crash leaves a report in `folder` (made, ours alone), without the contents of
/// memory: on Windows a dump of what all threads were doing, elsewhere a text with the stack of the
/// one that crashed, as offsets into its files. The last five are kept; what the system does about
/// crashes goes on as it would. Once a process, on its first thread.
Result<void> keep_crash_dumps(const std::string& folder);

}  // namespace obhut::platform
