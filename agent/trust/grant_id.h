#pragma once
// What names a restore grant.

#include "agent/base/ids.h"

namespace obhut::trust {

using GrantId = Id<struct GrantTag, 16>;

}  // namespace obhut::trust
