#include "service/endpoint/json_fields.h"

#include <nlohmann/json.hpp>

namespace obhut::endpoint {

std::string text_or(const nlohmann::json& object, const char* name, std::string other) {
  const auto at = object.find(name);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::move(other);
}

std::uint64_t number_or(const nlohmann::json& object, const char* name, std::uint64_t other) {
  const auto at = object.find(name);
  return at != object.end() && at->is_number_unsigned() ? at->get<std::uint64_t>() : other;
}

bool flag_or(const nlohmann::json& object, const char* name, bool other) {
  const auto at = object.find(name);
  return at != object.end() && at->is_boolean() ? at->get<bool>() : other;
}

std::optional<std::vector<std::string>> texts_of(const nlohmann::json& object, const char* name) {
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
