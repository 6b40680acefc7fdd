#pragma once
// A value that can be reached only under its lock.

#include <mutex>
#include <utility>

namespace obhut {

template <class T>
class Guarded {
 public:
  Guarded() = default;
  explicit Guarded(T value) : value_(std::move(value)) {}

  /// Calls `use(T&)` with the lock held and returns what it returns.
  template <class Use>
  decltype(auto) with(Use&& use) {
    const std::scoped_lock lock(mutex_);
    return std::forward<Use>(use)(value_);
  }
  template <class Use>
  decltype(auto) with(Use&& use) const {
    const std::scoped_lock lock(mutex_);
    return std::forward<Use>(use)(value_);
  }

 private:
  mutable std::mutex mutex_;
  T value_{};
};

}  // namespace obhut
