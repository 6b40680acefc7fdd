#include "agent/model/strict_json.h"

#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace obhut::model {
namespace {

using nlohmann::json;

/// Watches the parser: the members of every open object, and how deep we are.
class Watch {
 public:
  explicit Watch(std::size_t depth) : deepest_(depth) {}

  bool see(int depth, json::parse_event_t event, const json& value) {
    if (static_cast<std::size_t>(depth) > deepest_) problem_ = "nested too deeply";
    switch (event) {
      case json::parse_event_t::object_start:
        open_.emplace_back();
        break;
      case json::parse_event_t::object_end:
        if (!open_.empty()) open_.pop_back();
        break;
      case json::parse_event_t::key:
        if (!open_.empty() && !open_.back().insert(value.get<std::string>()).second) {
          problem_ = "a member stands twice";
        }
        break;
      default:
        break;
    }
    return true;
  }
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  std::size_t deepest_;
  std::vector<std::set<std::string>> open_;
  std::string problem_;
};

}  // namespace

Result<json> parse_strict_json(std::string_view text, std::string_view what,
                               const JsonLimits& limits) {
  const auto bad = [&](const std::string& why) {
    return fail(ErrorKind::kInvalidInput, std::string(what) + ": " + why);
  };
  if (text.size() > limits.bytes) {
    return bad("larger than " + std::to_string(limits.bytes) + " bytes");
  }
  Watch watch(limits.depth);
  json value = json::parse(
      text,
      [&](int depth, json::parse_event_t event, json& seen) {
        return watch.see(depth, event, seen);
      },
      /*allow_exceptions=*/false);
  if (value.is_discarded()) return bad("not JSON");
  if (!watch.problem().empty()) return bad(watch.problem());
  return value;
}

}  // namespace obhut::model
