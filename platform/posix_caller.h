#pragma once
// Who a Caller is on POSIX. For platform alone.

#include <vector>

#include <sys/types.h>

#include "platform/caller.h"

namespace obhut::platform {

struct Caller::State {
  uid_t uid;
  gid_t gid;
  std::vector<gid_t> groups;
};

/// Null for the account that runs us.
CallerPtr caller_of(uid_t uid, gid_t gid, std::vector<gid_t> groups);

/// Whose what the calling thread makes is.
uid_t file_user();

}  // namespace obhut::platform
