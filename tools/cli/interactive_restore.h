#pragma once
// `obhut restore -i`: the picker on a terminal, and the daemon behind it.

#include <string>

#include "agent/base/result.h"
#include "tools/cli/context.h"

namespace obhut::cli {

/// Errors: kInvalidInput where nobody sits at a terminal, or `context.json`.
Result<void> run_interactive_restore(Context& context, const std::string& socket,
                                     const std::string& target);

}  // namespace obhut::cli
