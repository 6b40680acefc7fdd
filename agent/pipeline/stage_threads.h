#pragma once
// The threads of a run, its first error, and the stop that the error causes.

#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "agent/base/result.h"
#include "platform/priority.h"

namespace obhut::pipeline {

/// Thread: any.
class StageThreads {
 public:
  /// Stops when `outer` does.
  explicit StageThreads(const std::stop_token& outer)
      : forward_(outer, [this] { stop_.request_stop(); }) {}
  ~StageThreads() {
    stop_.request_stop();
    join();
  }
  StageThreads(const StageThreads&) = delete;
  StageThreads& operator=(const StageThreads&) = delete;

  [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }

  /// Runs `stage` on a thread of its own; its error ends the run.
  void start(std::function<Result<void>()> stage) {
    threads_.emplace_back(platform::giving_way_too([this, stage = std::move(stage)] {
      if (Result<void> done = stage(); !done) report(std::move(done).error());
    }));
  }
  /// Keeps the first error and stops everybody. What follows (kCancelled) is its echo.
  void report(Error error) {
    {
      const std::scoped_lock lock(mutex_);
      if (!error_) error_ = std::move(error);
    }
    stop_.request_stop();
  }
  void join() { threads_.clear(); }

  /// After join(): ok where nothing failed.
  [[nodiscard]] Result<void> outcome() const {
    const std::scoped_lock lock(mutex_);
    if (error_) return std::unexpected(*error_);
    if (stop_.stop_requested()) return fail(ErrorKind::kCancelled, "backup");
    return {};
  }

 private:
  std::stop_source stop_;
  mutable std::mutex mutex_;
  std::optional<Error> error_;
  std::vector<std::jthread> threads_;
  std::stop_callback<std::function<void()>> forward_;
};

}  // namespace obhut::pipeline
