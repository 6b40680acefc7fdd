#pragma once
// Reading members of our own state files and of messages on the local socket.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/time_text.h"

namespace obhut::endpoint {

// In all: `object` is a JSON object; a member of another type counts as missing.
std::string text_or(const nlohmann::json& object, const char* name, std::string other = {});
std::uint64_t number_or(const nlohmann::json& object, const char* name, std::uint64_t other = 0);
bool flag_or(const nlohmann::json& object, const char* name, bool other = false);

inline std::optional<Instant> time_of(const nlohmann::json& object, const char* name) {
  return parse_time(text_or(object, name));
}

template <class IdType>
std::optional<IdType> id_of(const nlohmann::json& object, const char* name) {
  return IdType::parse(text_or(object, name));
}

/// The texts of an array, none where it is missing; nothing where the member is anything else.
std::optional<std::vector<std::string>> texts_of(const nlohmann::json& object, const char* name);

}  // namespace obhut::endpoint
