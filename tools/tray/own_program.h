#pragma once
// The command line that was installed with us, for what takes a program of its own.

#include <string>
#include <vector>

#include "agent/base/result.h"
#include "platform/process.h"

namespace obhut::tray {

/// Runs `obhut` with these arguments, in the home of whoever runs us, to its end.
Result<platform::Outcome> run_obhut(std::vector<std::string> arguments);

}  // namespace obhut::tray
