#pragma once
// Idempotency-Key: a write that is repeated because its answer was lost gets the answer again.

#include <functional>

#include "service/cluster/api/route.h"

namespace obhut::cluster::api {

/// Carries out `work`, a write, as one transaction. Where the request brings an Idempotency-Key,
/// its answer is kept in that transaction for a day: whenever the process dies, either both are
/// there or neither, and a repeat with the key gets this answer or is the first. `work` may be run
/// again from its start and has no effect but in the database.
/// Errors: 422 for a key that is too long, and for one that came with another request.
Answer<http::Response> answer_once(const Services& services, const Call& call,
                                   const std::function<Answer<http::Response>()>& work);

}  // namespace obhut::cluster::api
