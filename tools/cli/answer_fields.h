#pragma once
// Members of what the daemon answers: one that is missing, or of another type, is empty.

#include <cstdint>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "tools/cli/context.h"

namespace obhut::cli {

std::string text_of(const nlohmann::json& object, const char* name);
std::uint64_t number_of(const nlohmann::json& object, const char* name);
const nlohmann::json& object_of(const nlohmann::json& object, const char* name);
/// For people: "1.3 GB", "112,129", and a time in their zone.
std::string bytes_of(const Context& context, const nlohmann::json& object, const char* name);
std::string count_of(const Context& context, const nlohmann::json& object, const char* name);
std::string local_time(const std::string& rfc3339);

}  // namespace obhut::cli
