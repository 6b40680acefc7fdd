#pragma once
// Who a Caller is on Windows. For platform alone.

#include "platform/caller.h"
#include "platform/win.h"

namespace obhut::platform {

struct Caller::State {
  Handle token;  ///< to act with
};

/// In: a token that may be duplicated. Errors: kRefused where it lets nobody act for its account.
Result<CallerPtr> caller_of(HANDLE token);

}  // namespace obhut::platform
