#pragma once
// An object of the store as an answer, also a range of it.

#include <cstdint>
#include <string>

#include "service/cluster/api/route.h"

namespace obhut::cluster::api {

/// Read from the store while it is sent. Errors: those of the store.
Answer<http::Response> send_object(const Services& services, const Call& call,
                                   const std::string& key, std::uint64_t size);

}  // namespace obhut::cluster::api
