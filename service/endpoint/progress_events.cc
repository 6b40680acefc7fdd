#include "service/endpoint/progress_events.h"

#include <nlohmann/json.hpp>

#include "agent/base/time_text.h"
#include "agent/model/progress_json.h"
#include "service/endpoint/pause_requests.h"

namespace obhut::endpoint {

using nlohmann::json;

json activity_json(const Activities::View& view, Audience audience) {
  json value = model::progress_json(view.progress, audience == Audience::kAdministrator
                                                       ? model::ShowPath::kYes
                                                       : model::ShowPath::kNo);
  value["started"] = format_time(view.started);
  return value;
}

json activities_json(Activities& activities, Audience audience) {
  json value = json::array();
  for (const Activities::View& view : activities.views(audience)) {
    value.push_back(activity_json(view, audience));
  }
  return value;
}

json progress_event(const Activities::View& view) {
  return {{"event", "progress"}, {"progress", activity_json(view, Audience::kAdministrator)}};
}

ProgressTicker::ProgressTicker(Activities::Running& running, Clock& clock, Reply& reply)
    : thread_([&running, &clock, &reply](const std::stop_token& stop) {
        while (clock.sleep_for(kProgressEvery, stop)) {
          if (!reply.event(progress_event(running.view()))) return;
        }
      }) {}

Result<void> watch(Engine& engine, Audience audience, Clock& clock, Reply& reply,
                   const std::stop_token& stop) {
  const Activities::Watcher place(engine.activities(), audience);
  if (!place.granted()) {
    return fail(ErrorKind::kThrottled, "watch: others watch already; try again later");
  }
  for (;;) {
    json activities = activities_json(engine.activities(), audience);
    if (activities.empty() && !engine.scheduler().view().running) return {};
    json first = activities.empty() ? json(nullptr) : activities.front();
    const bool heard = reply.event({{"event", "progress"},
                                    {"pause", pause_json(engine.pauses().view())},
                                    {"progress", std::move(first)},
                                    {"activities", std::move(activities)}});
    if (!heard) return fail(ErrorKind::kCancelled, "nobody listens");
    if (!clock.sleep_for(kProgressEvery, stop)) {
      return fail(ErrorKind::kCancelled, "the daemon is stopping");
    }
  }
}

}  // namespace obhut::endpoint
