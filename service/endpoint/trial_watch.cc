#include "service/endpoint/trial_watch.h"

namespace obhut::endpoint {

void TrialWatch::look(wire::ControlClient& control, const std::stop_token& stop) {
  const auto now = clock_.steady();
  if (due_ && now < *due_) return;
  const Result<std::optional<Instant>> end = control.trial_end(stop);
  due_ = now + (end ? std::chrono::minutes(kEvery) : kAfterFailure);
  if (end) ends_.with([&](auto& known) { known = *end; });
}

std::optional<Instant> TrialWatch::ends() const {
  return ends_.with([](const auto& known) { return known; });
}

}  // namespace obhut::endpoint
