#pragma once
// Idempotency-Key: a write that is repeated because its answer was lost gets the answer again.

#include <optional>
#include <string>

#include "service/cluster/api/route.h"

namespace obhut::cluster::api {

/// Names caller and key. Nothing where the request brings no key.
/// Errors: 422 for a key longer than 255 bytes.
Answer<std::optional<std::string>> idempotency_subject(const Call& call);

/// The answer given before. Errors: 422 where the key came with another request.
Answer<std::optional<http::Response>> answered_before(const Services& services,
                                                      const std::string& subject, const Call& call);
/// Keeps what was answered for a day; server errors are not kept: they may be repaired.
void keep_answer(const Services& services, const std::string& subject, const Call& call,
                 const http::Response& response);

}  // namespace obhut::cluster::api
