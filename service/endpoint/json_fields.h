#pragma once
// Reading members of our own state files and of local requests. Private to this folder.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/time_text.h"

namespace obhut::endpoint {

inline std::string text_or(const nlohmann::json& object, const char* name, std::string other = {}) {
  const auto at = object.find(name);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::move(other);
}

inline std::uint64_t number_or(const nlohmann::json& object, const char* name,
                               std::uint64_t other = 0) {
  const auto at = object.find(name);
  return at != object.end() && at->is_number_unsigned() ? at->get<std::uint64_t>() : other;
}

inline bool flag_or(const nlohmann::json& object, const char* name, bool other = false) {
  const auto at = object.find(name);
  return at != object.end() && at->is_boolean() ? at->get<bool>() : other;
}

inline std::optional<Instant> time_of(const nlohmann::json& object, const char* name) {
  return parse_time(text_or(object, name));
}

template <class IdType>
std::optional<IdType> id_of(const nlohmann::json& object, const char* name) {
  return IdType::parse(text_or(object, name));
}

/// The texts of an array; nothing where a member is there and is anything else.
inline std::optional<std::vector<std::string>> texts_of(const nlohmann::json& object,
                                                        const char* name) {
  std::vector<std::string> texts;
  const auto at = object.find(name);
  if (at == object.end()) return texts;
  if (!at->is_array()) return std::nullopt;
  for (const nlohmann::json& item : *at) {
    if (!item.is_string()) return std::nullopt;
    texts.push_back(item.get<std::string>());
  }
  return texts;
}

}  // namespace obhut::endpoint
