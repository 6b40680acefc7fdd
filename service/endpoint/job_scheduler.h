#pragma once
// When the plan runs: by its schedule, on demand, and again soon where a run was cut short.

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/result.h"
#include "service/endpoint/backup_runner.h"
#include "service/endpoint/outbox.h"
#include "service/endpoint/pause_control.h"
#include "service/endpoint/plan_sync.h"
#include "service/endpoint/state_folder.h"

namespace obhut::endpoint {

/// What is known of past and coming runs.
struct ScheduleView {
  bool running = false;
  std::uint64_t started_runs = 0;  ///< since the daemon started
  std::uint64_t finished_runs = 0;
  std::optional<RunOutcome> last;  ///< since the daemon started
  std::optional<Instant> last_success;
  std::uint64_t failures_in_a_row = 0;
  std::optional<Instant> next;  ///< when the plan runs next
};

/// Thread: run() one, the rest any.
class JobScheduler {
 public:
  static Result<std::unique_ptr<JobScheduler>> open(StateFolder& state, Clock& clock,
                                                    const Log& log, PlanKeeper& plans,
                                                    BackupRunner& runner, Outbox& outbox,
                                                    const PauseControl& pauses);

  /// Runs jobs, one at a time, until stopped. None begins while backups are paused; what fell due
  /// meanwhile counts as missed.
  void run(std::stop_token stop);
  /// Asks for a run that begins after this call; returns its number for wait_for().
  /// Errors: kNotFound without a plan.
  Result<std::uint64_t> run_now();
  /// Waits until run `number` ended, at most `time`; true where it has.
  bool wait_for(std::uint64_t number, std::chrono::milliseconds time);
  /// The plan changed, or the clock was set: think again.
  void wake();
  [[nodiscard]] ScheduleView view() const;

 private:
  JobScheduler(StateFolder& state, Clock& clock, const Log& log, PlanKeeper& plans,
               BackupRunner& runner, Outbox& outbox, const PauseControl& pauses)
      : state_(state),
        clock_(clock),
        log_(log),
        plans_(plans),
        runner_(runner),
        outbox_(outbox),
        pauses_(pauses) {}
  struct Memory {
    std::optional<Instant> last_begun;  ///< of a run by the schedule
    std::optional<Instant> last_success;
    std::uint64_t failures = 0;
    std::optional<Instant> retry_at;  ///< a run that was cut short is made up for then
  };
  struct Due {
    bool now = false;
    std::optional<Instant> next;
  };
  Result<void> load();
  void save();  // with mutex_ held
  Due due(const trust::AcceptedPlan& plan, Instant now);
  void wait(const std::stop_token& stop);
  void carry_out(std::shared_ptr<const trust::AcceptedPlan> plan, const std::stop_token& stop);
  void judge(const trust::AcceptedPlan& plan, const RunOutcome& outcome);
  void watch_age(const trust::AcceptedPlan& plan);

  StateFolder& state_;
  Clock& clock_;
  Log log_;
  PlanKeeper& plans_;
  BackupRunner& runner_;
  Outbox& outbox_;
  const PauseControl& pauses_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  Memory memory_;
  ScheduleView view_;
  std::uint64_t wanted_run_ = 0;  // run_now(): runs up to this number are wanted
  bool woken_ = false;
};

}  // namespace obhut::endpoint
