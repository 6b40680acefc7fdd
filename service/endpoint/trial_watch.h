#pragma once
// When the customer's trial ends, for whoever sits here.

#include <chrono>
#include <optional>
#include <stop_token>

#include "agent/base/clock.h"
#include "agent/base/guarded.h"
#include "agent/wire/control_client.h"

namespace obhut::endpoint {

/// Thread: look() one, ends() any.
class TrialWatch {
 public:
  static constexpr std::chrono::hours kEvery{6};
  static constexpr std::chrono::minutes kAfterFailure{15};

  explicit TrialWatch(Clock& clock) : clock_(clock) {}

  /// Asks the cluster, where that is due. What it cannot tell stays as it was.
  void look(wire::ControlClient& control, const std::stop_token& stop);
  /// Nothing without a trial that runs, as far as is known.
  [[nodiscard]] std::optional<Instant> ends() const;

 private:
  Clock& clock_;
  std::optional<std::chrono::steady_clock::time_point> due_;
  Guarded<std::optional<Instant>> ends_;
};

}  // namespace obhut::endpoint
