#pragma once
// Giving way to everybody else on the machine.

#include "agent/base/result.h"

namespace obhut::platform {

/// From now on the calling thread, and every thread and process that it starts, gets what
/// processor and disk time nobody else wants. There is no way back that every user has: let a
/// thread of its own do what is to give way. Errors: kRefused, kUnsupported; then what could be
/// had is in force.
Result<void> give_way();
/// Whether the calling thread gives way.
bool gives_way();

}  // namespace obhut::platform
