#pragma once
// A queue between two stages: blocks when full or empty, closes, and heeds a stop.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

namespace obhut {

/// Thread: any number of pushers and poppers.
template <class T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) {}

  /// Waits for room. False where the queue was closed or `stop` asked for: the value is lost.
  bool push(T value, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    if (!room_.wait(lock, stop, [&] { return items_.size() < capacity_ || closed_; })) return false;
    if (closed_) return false;
    items_.push_back(std::move(value));
    lock.unlock();
    filled_.notify_one();
    return true;
  }

  /// Waits for a value. Nothing once the queue is closed and empty, or `stop` asked for.
  std::optional<T> pop(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    if (!filled_.wait(lock, stop, [&] { return !items_.empty() || closed_; })) return std::nullopt;
    if (items_.empty()) return std::nullopt;
    T value = std::move(items_.front());
    items_.pop_front();
    lock.unlock();
    room_.notify_one();
    return value;
  }

  /// No more values come; what is queued is still handed out.
  void close() {
    {
      const std::scoped_lock lock(mutex_);
      closed_ = true;
    }
    room_.notify_all();
    filled_.notify_all();
  }

  [[nodiscard]] std::size_t size() const {
    const std::scoped_lock lock(mutex_);
    return items_.size();
  }

 private:
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable_any room_;
  std::condition_variable_any filled_;
  std::deque<T> items_;
  bool closed_ = false;
};

}  // namespace obhut
