#pragma once
// A look at a job as one line for people.

#include <cstddef>
#include <string>

#include "agent/model/job_progress.h"
#include "tools/cli/context.h"

namespace obhut::cli {

/// "reading 45% · 1,200 of about 2,700 files · 1.2 GB of 2.7 GB · … · about 15 s left". What has
/// no room is left out, the least important first; nothing is wider than `columns`.
std::string line_of(const Context& context, const model::ProgressView& view, std::size_t columns);

}  // namespace obhut::cli
