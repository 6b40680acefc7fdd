#include "service/endpoint/raw_text.h"

#include <nlohmann/json.hpp>

#include "agent/base/text.h"

namespace obhut::endpoint {

using nlohmann::json;

void put_raw(json& object, const std::string& name, std::string_view bytes) {
  if (is_utf8(bytes)) {
    object[name] = bytes;
  } else {
    object[name + "64"] = to_base64(as_bytes(bytes));
  }
}

std::optional<std::string> raw_of(const json& object, const std::string& name) {
  if (const auto text = object.find(name); text != object.end() && text->is_string()) {
    return text->get<std::string>();
  }
  const auto coded = object.find(name + "64");
  if (coded == object.end() || !coded->is_string()) return std::string();
  const std::optional<Bytes> bytes = from_base64(coded->get_ref<const std::string&>());
  if (!bytes) return std::nullopt;
  return std::string(as_text(*bytes));
}

}  // namespace obhut::endpoint
