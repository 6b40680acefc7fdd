#pragma once
// A text that changes a million times and is looked at five times a second.

#include <atomic>
#include <mutex>
#include <string>
#include <string_view>

namespace obhut {

/// Thread: any.
class TextOnDemand {
 public:
  /// Kept only where somebody asked since the last time; costs one load where nobody did.
  void tell(std::string_view text) {
    if (wanted_.load(std::memory_order_relaxed)) keep(text);
  }
  /// What was told after the last ask(), or before it.
  [[nodiscard]] std::string ask() const {
    wanted_.store(true, std::memory_order_relaxed);
    const std::scoped_lock lock(mutex_);
    return text_;
  }

 private:
  void keep(std::string_view text) {
    const std::scoped_lock lock(mutex_);
    text_ = text;
    wanted_.store(false, std::memory_order_relaxed);
  }
  mutable std::atomic<bool> wanted_{false};
  mutable std::mutex mutex_;
  std::string text_;
};

}  // namespace obhut
