#pragma once
// Turns the system's wish that we end (SIGINT, SIGTERM, a console close) into a stop_token.

#include <functional>
#include <memory>
#include <stop_token>

namespace obhut::platform {

/// To be made first thing in main, before any thread: threads made later inherit that the signals
/// are blocked and left to us. Also makes writing to a closed pipe an error instead of our end.
/// A second SIGINT or SIGTERM ends the process at once (every file we replace is crash-safe).
class StopOnSignal {
 public:
  /// `on_reload` is called on a thread of its own for each SIGHUP; empty: SIGHUP stops as well.
  explicit StopOnSignal(std::function<void()> on_reload = {});
  ~StopOnSignal();
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

  [[nodiscard]] std::stop_token token() const;
  /// As if the signal had come.
  void request_stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Alone the part about closed pipes, for programs without a StopOnSignal.
void ignore_closed_pipes();

}  // namespace obhut::platform
