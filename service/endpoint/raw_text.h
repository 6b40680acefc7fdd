#pragma once
// Names of file systems in JSON: bytes of any kind, and text nearly always.

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace obhut::endpoint {

/// As "name" where `bytes` is UTF-8, else in base64 as "name64".
void put_raw(nlohmann::json& object, const std::string& name, std::string_view bytes);
/// What put_raw() wrote; "" where there is neither. Nothing for what is no base64.
std::optional<std::string> raw_of(const nlohmann::json& object, const std::string& name);

}  // namespace obhut::endpoint
