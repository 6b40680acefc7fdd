#pragma once
// Part of crash_dump: what earlier crashes left.

#include <string>

#include "agent/base/result.h"

namespace obhut::platform {

/// Makes `folder`, ours alone, with room for one more: the last four are kept.
Result<void> make_room_for_crash(const std::string& folder);

}  // namespace obhut::platform
