#include "tools/cli/answer_fields.h"

#include <nlohmann/json.hpp>

#include "agent/base/time_text.h"
#include "tools/cli/format.h"

namespace obhut::cli {

using nlohmann::json;

std::string text_of(const nlohmann::json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

std::uint64_t number_of(const json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_number_unsigned() ? at->get<std::uint64_t>() : 0;
}

const json& object_of(const json& object, const char* name) {
  static const json kNothing = json::object();
  const auto at = object.find(name);
  return at != object.end() && at->is_object() ? *at : kNothing;
}

std::string local_time(const std::string& rfc3339) {
  const auto at = parse_time(rfc3339);
  return at ? human_time(*at) : rfc3339;
}

std::string bytes_of(const Context& context, const json& object, const char* name) {
  return human_bytes(number_of(object, name), context.language);
}

std::string count_of(const Context& context, const json& object, const char* name) {
  return human_count(number_of(object, name), context.language);
}

}  // namespace obhut::cli
