#pragma once
// Test vectors are written in hex.

#include "agent/base/check.h"
#include "agent/base/text.h"

namespace obhut::crypto {

inline Bytes hex(std::string_view text) {
  const std::optional<Bytes> bytes = from_hex(text);
  CHECK(bytes.has_value());
  return *bytes;
}

}  // namespace obhut::crypto
