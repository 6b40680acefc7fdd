#pragma once
// A gate in the way of work that may be held up: closed, whoever comes to it waits.

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace obhut {

/// Open at first. Thread: any.
class PauseGate {
 public:
  PauseGate() = default;
  PauseGate(const PauseGate&) = delete;
  PauseGate& operator=(const PauseGate&) = delete;

  void pause() {
    const std::scoped_lock lock(mutex_);
    paused_ = true;
  }
  void resume() {
    {
      const std::scoped_lock lock(mutex_);
      paused_ = false;
    }
    opened_.notify_all();
  }
  [[nodiscard]] bool paused() const { return paused_.load(std::memory_order_relaxed); }

  /// Waits until the gate is open; costs one load where it is. False where `stop` was asked for
  /// while waiting.
  bool wait(const std::stop_token& stop) const {
    if (!paused()) return true;
    std::unique_lock lock(mutex_);
    return opened_.wait(lock, stop, [this] { return !paused(); });
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable_any opened_;
  std::atomic<bool> paused_ = false;
};

}  // namespace obhut
