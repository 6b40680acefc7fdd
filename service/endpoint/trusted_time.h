#pragma once
// The time by which signatures and expiries are judged: never earlier than any time seen before,
// and corrected by the cluster where this clock is a few days off.

#include <optional>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "service/endpoint/state_folder.h"

namespace obhut::endpoint {

/// Thread: one at a time.
class TrustedTime {
 public:
  static Result<TrustedTime> open(StateFolder& state, Clock& clock);

  /// In: the cluster's time where it is known. It moves this clock's by at most three days: a
  /// cluster that lies cannot bring an expired key to life beyond that. A clock that is further
  /// off leaves no trace: once set right, all is as before.
  Instant now(std::optional<Instant> cluster);

 private:
  TrustedTime(StateFolder& state, Clock& clock, Instant floor)
      : state_(&state), clock_(&clock), floor_(floor), saved_(floor) {}
  StateFolder* state_;
  Clock* clock_;
  Instant floor_;
  Instant saved_;
};

}  // namespace obhut::endpoint
