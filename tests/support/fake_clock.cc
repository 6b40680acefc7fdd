#include "tests/support/fake_clock.h"

namespace obhut::tests {

Instant FakeClock::now() const {
  const std::scoped_lock lock(mutex_);
  return now_;
}

std::chrono::steady_clock::time_point FakeClock::steady() const {
  const std::scoped_lock lock(mutex_);
  return std::chrono::steady_clock::time_point(now_.time_since_epoch());
}

bool FakeClock::sleep_for(std::chrono::steady_clock::duration time, std::stop_token stop) {
  if (stop.stop_requested()) return false;
  const std::scoped_lock lock(mutex_);
  const auto whole = std::chrono::ceil<std::chrono::microseconds>(time);
  now_ += whole;
  slept_ += whole;
  ++sleeps_;
  return true;
}

void FakeClock::advance(std::chrono::microseconds time) {
  const std::scoped_lock lock(mutex_);
  now_ += time;
}

unsigned FakeClock::sleeps() const {
  const std::scoped_lock lock(mutex_);
  return sleeps_;
}

std::chrono::microseconds FakeClock::slept() const {
  const std::scoped_lock lock(mutex_);
  return slept_;
}

}  // namespace obhut::tests
