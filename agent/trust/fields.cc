#include "agent/trust/fields.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/model/strict_json.h"
#include "agent/trust/jws.h"

namespace obhut::trust {
namespace {

using nlohmann::json;

bool names_contain(Fields::Names names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7F'; });
}

}  // namespace

Fields::Fields(const json& value, std::string_view what, Names required, Names optional)
    : value_(value), what_(what) {
  if (!value.is_object()) {
    problem_ = "not a JSON object";
    return;
  }
  for (std::string_view name : required) {
    if (!value.contains(name)) reject(name, "is missing");
  }
  for (const auto& [name, member] : value.items()) {
    if (!names_contain(required, name) && !names_contain(optional, name)) {
      reject(printable(name), "is unknown");
    }
  }
}

bool Fields::has(std::string_view name) const {
  return value_.is_object() && value_.contains(name);
}

const json& Fields::member(std::string_view name) const {
  static const json kNull;
  if (!value_.is_object()) return kNull;
  const auto found = value_.find(name);
  return found == value_.end() ? kNull : *found;
}

std::string Fields::text(std::string_view name, std::size_t longest) {
  const json& value = member(name);
  if (!value.is_string()) {
    reject(name, "must be text");
    return {};
  }
  const std::string& text = value.get_ref<const std::string&>();
  if (text.empty() || text.size() > longest) {
    reject(name, "must have 1 to " + std::to_string(longest) + " bytes");
  } else if (has_control(text)) {
    reject(name, "must not hold control characters");
  }
  return text;
}

std::uint64_t Fields::number(std::string_view name, std::uint64_t least, std::uint64_t most) {
  const json& value = member(name);
  const std::uint64_t number = value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
  if (!value.is_number_unsigned() || number < least || number > most) {
    reject(name,
           "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return number;
}

Instant Fields::time(std::string_view name) {
  const std::optional<Instant> at = parse_time(text(name, 64));
  if (!at) reject(name, "must be an RFC 3339 time");
  return at.value_or(Instant{});
}

Bytes Fields::base64url(std::string_view name, std::size_t size) {
  std::optional<Bytes> bytes = from_base64url(text(name, size * 2 + 4));
  if (!bytes || bytes->size() != size) {
    reject(name, "must be base64url of " + std::to_string(size) + " bytes");
    return {};
  }
  return std::move(*bytes);
}

void Fields::reject(std::string_view name, std::string_view why) {
  if (problem_.empty()) problem_ = "member " + std::string(name) + " " + std::string(why);
}

Result<void> Fields::finish() const {
  if (problem_.empty()) return {};
  return fail(ErrorKind::kInvalidInput, what_ + ": " + problem_);
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

Result<json> parse_payload(std::string_view payload, std::string_view schema) {
  ASSIGN_OR_RETURN(json value,
                   model::parse_strict_json(payload, schema, {.bytes = kDocumentLimit}));
  const bool right = value.is_object() && value.contains("schema") && value["schema"] == schema;
  if (!right) {
    return fail(ErrorKind::kInvalidInput, std::string(schema) + ": the payload has another schema");
  }
  return value;
}

}  // namespace obhut::trust
