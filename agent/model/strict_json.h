#pragma once
// JSON from strangers: bounded in size and depth, no member twice, nothing thrown.

#include <cstddef>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "agent/base/result.h"

namespace obhut::model {

struct JsonLimits {
  std::size_t bytes = std::size_t{1} << 20U;
  std::size_t depth = 32;
};

/// Parses one JSON text (RFC 8259). A member that stands twice is refused: two readers that pick
/// different ones would be signed the one and carry out the other.
/// Errors: kInvalidInput naming `what`.
Result<nlohmann::json> parse_strict_json(std::string_view text, std::string_view what,
                                         const JsonLimits& limits = {});

}  // namespace obhut::model
