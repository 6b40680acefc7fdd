#pragma once
// Progress on its way to a client of the local socket.
//
//   {"event": "progress", "pause": {…}, "progress": {…}, "activities": [{…}, …]}
//
// "progress" is agent/model/progress_json.h, null before there is anything; "activities" is for who
// watches all of them. Five a second at most, and each is how things stand when it is sent: a
// client that reads slowly gets fewer of them, never older ones, and holds nothing up.

#include <functional>
#include <stop_token>
#include <thread>

#include <nlohmann/json_fwd.hpp>

#include "agent/base/result.h"
#include "service/endpoint/activities.h"
#include "service/endpoint/daemon.h"
#include "service/endpoint/requests.h"

namespace obhut::endpoint {

inline constexpr std::chrono::milliseconds kProgressEvery{200};

/// With "started"; the path only for administrators.
nlohmann::json activity_json(const Activities::View& view, Audience audience);
/// Of all that `audience` may see.
nlohmann::json activities_json(Activities& activities, Audience audience);
nlohmann::json progress_event(const Activities::View& view);

/// Sends how `running` stands until it goes, from a thread of its own: a client that does not read
/// must not hold the job up.
class ProgressTicker {
 public:
  /// Borrows both.
  ProgressTicker(Activities::Running& running, Clock& clock, Reply& reply);

 private:
  std::jthread thread_;
};

/// Sends what runs until nothing does. Errors: kCancelled where the daemon stops; kThrottled where
/// too many others watch already.
Result<void> watch(Engine& engine, Audience audience, Clock& clock, Reply& reply,
                   const std::stop_token& stop);

}  // namespace obhut::endpoint
