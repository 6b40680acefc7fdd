#include "agent/base/backoff.h"

#include <algorithm>

namespace obhut {

std::chrono::milliseconds backoff_delay(const BackoffPolicy& policy, unsigned attempt,
                                        double chance) {
  auto delay = policy.first;
  for (unsigned i = 1; i < attempt && delay < policy.longest; ++i) delay *= 2;
  delay = std::min(delay, policy.longest);
  const auto half = static_cast<double>(delay.count()) / 2;
  return std::chrono::milliseconds(static_cast<std::int64_t>(half + half * chance));
}

}  // namespace obhut
