#include "service/endpoint/job_scheduler.h"

#include <algorithm>
#include <random>

#include <nlohmann/json.hpp>

#include "agent/base/backoff.h"
#include "agent/plan/schedule.h"
#include "service/endpoint/json_fields.h"

namespace obhut::endpoint {

namespace {

constexpr const char* kFile = "schedule.json";
/// The longest sleep: a clock that was set, or a suspended machine, is noticed by then.
constexpr std::chrono::seconds kLookAgain{30};
constexpr BackoffPolicy kRetry{std::chrono::minutes(1), std::chrono::minutes(30)};

double chance() {
  static thread_local std::mt19937 source{std::random_device{}()};
  return std::uniform_real_distribution<double>(0.0, 1.0)(source);
}

}  // namespace

Result<std::unique_ptr<JobScheduler>> JobScheduler::open(StateFolder& state, Clock& clock,
                                                         const Log& log, PlanKeeper& plans,
                                                         BackupRunner& runner, Outbox& outbox,
                                                         const PauseControl& pauses) {
  std::unique_ptr<JobScheduler> scheduler(
      new JobScheduler(state, clock, log, plans, runner, outbox, pauses));
  TRY(scheduler->load());
  return scheduler;
}

Result<void> JobScheduler::load() {
  ASSIGN_OR_RETURN(const std::optional<nlohmann::json> stored, state_.load(kFile));
  if (!stored) return {};
  memory_ = {time_of(*stored, "last_begun"), time_of(*stored, "last_success"),
             number_or(*stored, "failures"), time_of(*stored, "retry_at")};
  view_.last_success = memory_.last_success;
  view_.failures_in_a_row = memory_.failures;
  return {};
}

void JobScheduler::save() {
  nlohmann::json value = {{"failures", memory_.failures}};
  const auto put = [&](const char* name, const std::optional<Instant>& at) {
    if (at) value[name] = format_time_micro(*at);
  };
  put("last_begun", memory_.last_begun);
  put("last_success", memory_.last_success);
  put("retry_at", memory_.retry_at);
  const Result<void> saved = state_.save(kFile, value);
  // At worst a run is made twice.
  if (!saved) log_.warn("schedule not kept", field("reason", saved.error().message));
}

JobScheduler::Due JobScheduler::due(const trust::AcceptedPlan& plan, Instant now) {
  const Result<plan::Schedule> schedule =
      plan::Schedule::make(plan.plan.schedule, runner_.device());
  if (!schedule) {
    outbox_.raise("schedule-unusable", "critical", schedule.error().message);
    return {};
  }
  const std::scoped_lock lock(mutex_);
  // A clock that was set back must not keep the next run waiting for it to catch up.
  if (memory_.last_begun && *memory_.last_begun > now) memory_.last_begun = now;
  if (memory_.retry_at && *memory_.retry_at > now + kRetry.longest) memory_.retry_at = now;
  const Instant since =
      std::max(memory_.last_begun.value_or(plan.effective_at), std::min(plan.effective_at, now));
  const plan::Decision decision = schedule->next(now, since);
  Due due;
  due.now = decision.action == plan::Decision::Action::kRunNow;
  if (decision.action == plan::Decision::Action::kWait) due.next = decision.occurrence.start;
  if (memory_.retry_at && schedule->window_open(now)) {
    due.now = due.now || *memory_.retry_at <= now;
    due.next = due.next ? std::min(*due.next, *memory_.retry_at) : *memory_.retry_at;
  }
  view_.next = due.now ? now : due.next;
  return due;
}

void JobScheduler::wait(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  std::chrono::microseconds pause = kLookAgain;
  // Paused, only a wake() leads on: what is due stays due.
  const bool held = pauses_.paused();
  if (view_.next && !held) {
    pause = std::clamp<std::chrono::microseconds>(*view_.next - clock_.now(),
                                                  std::chrono::milliseconds(10), kLookAgain);
  }
  changed_.wait_for(lock, stop, pause,
                    [&] { return woken_ || (!held && wanted_run_ > view_.started_runs); });
  woken_ = false;
}

void JobScheduler::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    // Without the cluster's word on the time, a plan that waits for its time goes by this clock.
    const Result<void> advanced = plans_.advance(std::nullopt);
    if (!advanced) log_.warn("plan not advanced", field("reason", advanced.error().message));
    const std::shared_ptr<const trust::AcceptedPlan> plan = plans_.in_force();
    bool run = false;
    if (plan) {
      const Due now = due(*plan, clock_.now());
      watch_age(*plan);
      const std::scoped_lock lock(mutex_);
      run = (now.now || wanted_run_ > view_.started_runs) && !pauses_.paused();
      if (run && now.now) memory_.last_begun = clock_.now();
    }
    if (run) {
      carry_out(plan, stop);
    } else {
      wait(stop);
    }
  }
}

void JobScheduler::carry_out(std::shared_ptr<const trust::AcceptedPlan> plan,
                             const std::stop_token& stop) {
  {
    const std::scoped_lock lock(mutex_);
    // Until it has ended well: a process killed in the middle goes on right after its restart.
    memory_.retry_at = clock_.now();
    ++view_.started_runs;
    view_.running = true;
    save();
  }
  log_.info("backup begins", field("plan", plan->hash));
  RunOutcome outcome = runner_.run(plan, stop);
  log_.info("backup ended", field("outcome", outcome.word()));
  judge(*plan, outcome);
  {
    const std::scoped_lock lock(mutex_);
    view_.running = false;
    ++view_.finished_runs;
    view_.last = std::move(outcome);
  }
  changed_.notify_all();
}

void JobScheduler::judge(const trust::AcceptedPlan& plan, const RunOutcome& outcome) {
  const std::string_view word = outcome.word();
  const model::Alerts& alerts = plan.plan.alerts;
  std::uint64_t failures = 0;
  {
    const std::scoped_lock lock(mutex_);
    memory_.retry_at.reset();
    if (word == "failed" || word == "cancelled") {
      if (word == "failed") ++memory_.failures;
      // What was cut short, by us or by the network, goes on where it stopped.
      if (word == "cancelled" || outcome.retry_helps()) {
        const auto tries = static_cast<unsigned>(std::max<std::uint64_t>(memory_.failures, 1));
        memory_.retry_at = clock_.now() + backoff_delay(kRetry, tries, chance());
      }
    } else {
      memory_.failures = 0;
      memory_.last_success = outcome.finished;
    }
    failures = memory_.failures;
    view_.last_success = memory_.last_success;
    view_.failures_in_a_row = failures;
    save();
  }
  const Error* hook = outcome.first_hook_error();
  if (hook == nullptr) {
    outbox_.clear("hook-failed");
  } else if (word != "cancelled") {
    outbox_.raise("hook-failed", "warning", hook->message);
  }
  if (failures == 0) outbox_.clear("backup-failed");
  if (alerts.failed_runs > 0 && failures >= alerts.failed_runs) {
    const Error* error = outcome.first_error();
    outbox_.raise("backup-failed", "critical", error ? error->message : "");
  }
  if (word == "done") outbox_.clear("entries-skipped");
  if (word == "skipped" && alerts.skipped_entries) {
    outbox_.raise("entries-skipped", "warning",
                  "entries could not be read or changed while they were read");
  }
}

void JobScheduler::watch_age(const trust::AcceptedPlan& plan) {
  if (plan.plan.alerts.no_backup_hours == 0) return;
  const std::chrono::hours longest(plan.plan.alerts.no_backup_hours);
  const Instant now = clock_.now();
  Instant since = plan.effective_at;
  {
    const std::scoped_lock lock(mutex_);
    since = std::max(since, memory_.last_success.value_or(since));
  }
  if (now - since > longest) {
    outbox_.raise("no-recent-backup", "critical", "no backup since " + format_time(since));
  } else {
    outbox_.clear("no-recent-backup");
  }
}

Result<std::uint64_t> JobScheduler::run_now() {
  if (!plans_.in_force()) {
    return fail(ErrorKind::kNotFound,
                "no protection plan is in force yet; it comes from the partner");
  }
  std::uint64_t number = 0;
  {
    const std::scoped_lock lock(mutex_);
    number = view_.started_runs + 1;
    wanted_run_ = std::max(wanted_run_, number);
  }
  changed_.notify_all();
  return number;
}

bool JobScheduler::wait_for(std::uint64_t number, std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, time, [&] { return view_.finished_runs >= number; });
}

void JobScheduler::wake() {
  {
    const std::scoped_lock lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

ScheduleView JobScheduler::view() const {
  const std::scoped_lock lock(mutex_);
  return view_;
}

}  // namespace obhut::endpoint
