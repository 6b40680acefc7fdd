#pragma once
// How long to wait before asking again. Pure: the caller sleeps and brings the randomness.

#include <chrono>

namespace obhut {

struct BackoffPolicy {
  std::chrono::milliseconds first{500};
  std::chrono::milliseconds longest{60'000};
};

/// The pause before attempt `attempt` (1 is the first repetition): doubled each time up to the
/// longest, then spread over its upper half by `chance` in [0, 1), so that a thousand agents that
/// lost the same cluster do not come back at the same instant.
std::chrono::milliseconds backoff_delay(const BackoffPolicy& policy, unsigned attempt,
                                        double chance);

}  // namespace obhut
