#pragma once
// Time that moves when told, and when somebody sleeps.

#include <mutex>

#include "agent/base/clock.h"

namespace obhut::tests {

class FakeClock final : public Clock {
 public:
  explicit FakeClock(Instant start = Instant(std::chrono::days(20'000))) : now_(start) {}

  [[nodiscard]] Instant now() const override;
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override;
  bool sleep_for(std::chrono::steady_clock::duration time, std::stop_token stop) override;

  void advance(std::chrono::microseconds time);
  [[nodiscard]] unsigned sleeps() const;
  [[nodiscard]] std::chrono::microseconds slept() const;

 private:
  mutable std::mutex mutex_;
  Instant now_;
  std::chrono::microseconds slept_{0};
  unsigned sleeps_ = 0;
};

}  // namespace obhut::tests
