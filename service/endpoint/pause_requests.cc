#include "service/endpoint/pause_requests.h"

#include <nlohmann/json.hpp>

#include "agent/base/time_text.h"
#include "service/endpoint/json_fields.h"

namespace obhut::endpoint {

namespace {

using nlohmann::json;

constexpr std::uint64_t kLongest = kMostDuration.count();

/// "seconds" is missing for a pause without an end.
Result<void> pause(PauseControl& pauses, const json& request) {
  if (!request.contains("seconds")) return pauses.pause(std::nullopt);
  const std::uint64_t seconds = number_or(request, "seconds");
  if (seconds < 1 || seconds > kLongest) {
    return fail(ErrorKind::kInvalidInput, "pause: want 1 second to 366 days");
  }
  return pauses.pause(std::chrono::seconds(seconds));
}

}  // namespace

json pause_json(const PauseView& view) {
  json reasons = json::array();
  if (view.asked) reasons.push_back("asked");
  if (view.battery) reasons.push_back("battery");
  if (view.metered) reasons.push_back("metered");
  json value = {{"paused", view.paused()}, {"reasons", std::move(reasons)}};
  if (view.asked) {
    value["since"] = format_time(view.asked->since);
    if (view.asked->until) value["until"] = format_time(*view.asked->until);
  }
  return value;
}

std::optional<Result<json>> carry_out_pause(Engine& engine, std::string_view command,
                                            const json& request) {
  Result<void> done;
  if (command == "pause") {
    done = pause(engine.pauses(), request);
  } else if (command == "resume") {
    done = engine.pauses().resume();
  } else {
    return std::nullopt;
  }
  if (!done) return std::unexpected(std::move(done).error());
  return pause_json(engine.pauses().view());
}

}  // namespace obhut::endpoint
