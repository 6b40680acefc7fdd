#include "agent/plan/schema_check.h"

#include <algorithm>
#include <exception>
#include <memory>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "agent/base/check.h"
#include "agent/base/text.h"
#include "agent/plan/plan_codec.h"

namespace obhut::plan {
namespace {

using nlohmann::json;

/// The validator's regular expressions recurse once a character: longer text could overflow the
/// stack before maxLength is looked at.
constexpr std::size_t kMaxText = 4096;

bool has_long_text(const json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>().size() > kMaxText;
  if (!value.is_structured()) return false;
  if (value.is_object()) {
    for (const auto& [name, member] : value.items()) {
      if (name.size() > kMaxText) return true;
    }
  }
  return std::ranges::any_of(value, has_long_text);
}

const valijson::Schema& schema() {
  static const std::unique_ptr<const valijson::Schema> kSchema = [] {
    const json text = json::parse(plan_schema());
    auto parsed = std::make_unique<valijson::Schema>();
    valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
    parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(text), *parsed);
    return parsed;
  }();
  return *kSchema;
}

/// valijson names the way as "<root>", "[sources]", "[0]".
std::string pointer(const valijson::ValidationResults::Error& error) {
  std::string out;
  for (const std::string& step : error.context) {
    if (step.starts_with('[') && step.ends_with(']')) out += "/" + step.substr(1, step.size() - 2);
  }
  return out.empty() ? "/" : out;
}

/// In our manner: no capital in front, no full stop, one line.
std::string description(std::string text) {
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] + 32);
  while (!text.empty() && (text.back() == '.' || text.back() == ' ')) text.pop_back();
  return printable(text);
}

}  // namespace

Result<void> check_schema(const json& plan) {
  if (has_long_text(plan)) {
    return fail(ErrorKind::kInvalidInput, "plan: holds a text longer than 4096 bytes");
  }
  try {
    valijson::Validator validator(valijson::Validator::kStrongTypes);
    valijson::ValidationResults results;
    if (validator.validate(schema(), valijson::adapters::NlohmannJsonAdapter(plan), &results)) {
      return {};
    }
    // The deepest complaint is the cause, the others follow from it.
    std::optional<valijson::ValidationResults::Error> worst;
    for (const auto& error : results) {
      if (!worst || error.context.size() > worst->context.size()) worst = error;
    }
    CHECK(worst.has_value());
    return fail(ErrorKind::kInvalidInput,
                "plan: " + printable(pointer(*worst)) + ": " + description(worst->description));
  } catch (const std::exception& problem) {
    return fail(ErrorKind::kInternal, std::string("plan schema: ") + problem.what());
  }
}

}  // namespace obhut::plan
