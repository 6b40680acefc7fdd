#pragma once
// The daemon: enrols, then runs the engine, and answers the local socket throughout.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/result.h"
#include "service/endpoint/config.h"
#include "service/endpoint/engine.h"
#include "service/endpoint/enrolment.h"
#include "service/endpoint/outbox.h"
#include "service/endpoint/state_folder.h"

namespace obhut::endpoint {

/// Where enrolment stands, for people.
struct EnrolmentView {
  bool enrolled = false;
  bool pending = false;  ///< activated, and the cluster was not told yet
  std::optional<Identity> identity;
  std::string last_error;  ///< of the last attempt to report
  ErrorKind last_kind = ErrorKind::kInternal;
};

/// Thread: run() one, the rest any.
class Daemon {
 public:
  /// Errors: kConflict where another daemon has the state folder; kCorrupt, kRefused.
  static Result<std::unique_ptr<Daemon>> make(const Config& config, Clock& clock, const Log& log);
  ~Daemon();

  /// Until stopped: reports the activation, again and again where it must, then runs the engine.
  Result<void> run(std::stop_token stop);

  /// Records an activation for this token and wakes run(). Errors: those of Enrolment::begin.
  Result<void> enroll(std::string_view token);
  /// Waits until the attempt that is going on has ended, at most `time`.
  EnrolmentView wait_enrolled(std::chrono::milliseconds time);
  [[nodiscard]] EnrolmentView enrolment() const;

  /// Null before enrolment. Valid until the daemon goes.
  [[nodiscard]] Engine* engine();
  [[nodiscard]] Outbox& outbox() { return *outbox_; }
  [[nodiscard]] Clock& clock() { return clock_; }
  [[nodiscard]] const Log& log() const { return log_; }
  [[nodiscard]] const Config& config() const { return config_; }
  [[nodiscard]] StateFolder& state() { return state_; }

 private:
  Daemon(const Config& config, Clock& clock, const Log& log, StateFolder state)
      : config_(config), clock_(clock), log_(log), state_(std::move(state)) {}
  Result<void> read_token_file();
  /// By the package that installed us.
  [[nodiscard]] bool token_was_left() const;
  void forget_left_token();
  /// One attempt; the pause before the next, nothing once enrolled.
  std::optional<std::chrono::milliseconds> report_activation(unsigned attempt,
                                                             std::stop_token stop);
  Result<void> start_engine();

  Config config_;
  Clock& clock_;
  Log log_;
  StateFolder state_;
  std::unique_ptr<Outbox> outbox_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<Enrolment> enrolment_;
  std::uint64_t asked_ = 0;     // tokens handed in by enroll()
  std::uint64_t answered_ = 0;  // of them, reported once at least
  std::string last_error_;
  ErrorKind last_kind_ = ErrorKind::kInternal;
  std::unique_ptr<Engine> engine_;
};

}  // namespace obhut::endpoint
