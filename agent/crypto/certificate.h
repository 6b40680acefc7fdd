#pragma once
// What is pinned of a certificate (RFC 7469 section 2.4: the key, so that a renewal keeps the pin).

#include <string_view>

#include "agent/base/ids.h"
#include "agent/base/result.h"

namespace obhut::crypto {

/// SHA-256 of the SubjectPublicKeyInfo of the first certificate in `pem`.
/// Errors: kInvalidInput where there is none.
Result<Sha256> certificate_pin(std::string_view pem);

}  // namespace obhut::crypto
