#include "service/endpoint/backup_runner.h"

#include <algorithm>
#include <iterator>
#include <thread>

#include "agent/base/text.h"
#include "agent/maintain/leave_packs.h"
#include "agent/maintain/prune.h"
#include "agent/wire/json_codec.h"
#include "platform/event_log.h"
#include "platform/local_files.h"
#include "platform/machine.h"
#include "platform/priority.h"
#include "service/endpoint/source_filter.h"

namespace obhut::endpoint {

namespace {

/// Packs on their way to a cluster at once. Two keep a line busy that answers at once; the others
/// hide a tenth of a second of round trips, a ticket's and the pack's own, at 200 MB/s.
constexpr unsigned kUploads = 4;

// Codes of alerts; the first is the cluster's own word for it.
constexpr std::string_view kQuotaExceeded = "quota-exceeded";
constexpr std::string_view kNewMaximum = "new-maximum";

/// As outcomes and commands name it.
std::string name_of(const model::Target& target) {
  return target.type == model::TargetType::kCluster ? "cluster" : target.path;
}

}  // namespace

std::string_view RunOutcome::word() const {
  bool skipped = false;
  for (const TargetOutcome& target : targets) {
    if (target.error) return target.error->kind == ErrorKind::kCancelled ? "cancelled" : "failed";
    skipped = skipped || !target.report->complete();
  }
  return skipped ? "skipped" : "done";
}

bool RunOutcome::retry_helps() const {
  return std::ranges::any_of(targets, [](const TargetOutcome& target) {
    return target.error && disposition_of(target.error->kind) == Disposition::kRetry;
  });
}

const Error* RunOutcome::first_error() const {
  const auto at =
      std::ranges::find_if(targets, [](const auto& target) { return target.error.has_value(); });
  return at == targets.end() ? nullptr : &*at->error;
}

const Error* RunOutcome::first_hook_error() const {
  const auto at =
      std::ranges::find_if(hooks, [](const HookRun& run) { return run.error.has_value(); });
  return at == hooks.end() ? nullptr : &*at->error;
}

Result<std::unique_ptr<ClusterStore>> BackupRunner::cluster_store(ClusterStore::Patience patience) {
  return ClusterStore::open_own(parts_.cluster(), patience);
}

Result<pipeline::BackupReport> BackupRunner::run_job(vault::Vault& vault,
                                                     const trust::AcceptedPlan& plan,
                                                     pipeline::BackupOptions options,
                                                     std::stop_token stop) {
  ASSIGN_OR_RETURN(const std::unique_ptr<SourceFilter> filter, SourceFilter::make(plan.plan));
  options.sources = filter->paths();
  options.walk.filter = filter.get();
  options.snapshots.use = plan.plan.snapshot;
  options.snapshots.folder = parts_.state.path("snapshots");
  options.host = platform::host_name();
  options.plan = plan.hash;
  options.count_ahead = true;
  options.pause = &parts_.pauses.gate();
  options.cache_directory = parts_.state.cache_folder(vault.id());
  TRY(platform::make_directories(options.cache_directory, 0700));
  pipeline::BackupJob job(vault, parts_.clock, parts_.log, std::move(options));
  const Activities::Running running(parts_.activities, Audience::kAnybody, [&] {
    model::JobProgress progress = job.job_progress();
    progress.target = target_;
    return progress;
  });
  return job.run(stop);
}

Result<pipeline::BackupReport> BackupRunner::run_cluster(
    const std::shared_ptr<const trust::AcceptedPlan>& plan, std::stop_token stop) {
  // Perhaps the lost device left nothing to wait for.
  if (parts_.keeper.waiting()) TRY(recovery_.look(stop));
  ASSIGN_OR_RETURN(const VaultId id, parts_.keeper.cluster_vault());
  Result<pipeline::BackupReport> report = run_vault(id, plan, stop);
  if (report || !wire::has_code(report.error(), kTakenOver)) return report;
  // On the partner's word another installation goes on in this vault. This machine is alive all the
  // same, and what it holds must not stay without a backup.
  TRY(parts_.keeper.abandon(id));
  parts_.log.warn("vault was taken over, a new one begins", field("vault", id));
  parts_.outbox.raise(kTakenOver, "warning",
                      "another installation took this device's vault over; backups go on in a new "
                      "vault, from its beginning. Earlier points are the other installation's. "
                      "`obhut key start-over` ends this message");
  ASSIGN_OR_RETURN(const VaultId fresh, parts_.keeper.cluster_vault());
  return run_vault(fresh, plan, stop);
}

Result<pipeline::BackupReport> BackupRunner::run_vault(
    const VaultId& id, const std::shared_ptr<const trust::AcceptedPlan>& plan,
    std::stop_token stop) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ClusterStore> cluster,
                   cluster_store(ClusterStore::Patience::kBackground));
  TRY(parts_.control.create_vault(id, stop));
  ASSIGN_OR_RETURN(const std::unique_ptr<vault::Vault> vault,
                   parts_.keeper.open_cluster(cluster->store(), plan->plan.escrow, stop));
  const std::optional<std::uint64_t> room = room_for(id, stop);
  pipeline::BackupOptions options;
  options.writer = parts_.keeper.writer();
  options.uploaders = kUploads;
  Result<pipeline::BackupReport> report = run_job(*vault, *plan, std::move(options), stop);
  if (!report && wire::has_code(report.error(), kQuotaExceeded)) {
    parts_.outbox.raise(
        kQuotaExceeded, "critical",
        report.error().message + "; what was uploaded waits, and the next run goes on from there");
  }
  if (!report) return report;
  parts_.outbox.clear(kQuotaExceeded);
  tell_new_maximum(*report, room);
  choose_packs_to_leave(*vault, stop);
  return report;
}

/// What may be added before the month's bill grows. Nothing where the cluster does not say.
std::optional<std::uint64_t> BackupRunner::room_for(const VaultId& vault,
                                                    const std::stop_token& stop) {
  const Result<wire::Allowance> allowance = parts_.control.allowance(vault, stop);
  if (!allowance) return std::nullopt;
  if (allowance->left_bytes == 0) {
    parts_.log.warn("the limit of the vault or the customer is reached: nothing new is stored");
  }
  return allowance->room_bytes;
}

void BackupRunner::tell_new_maximum(const pipeline::BackupReport& report,
                                    const std::optional<std::uint64_t>& room) {
  const std::uint64_t stored = report.summary.stored_bytes;
  if (!room || stored <= *room) {
    parts_.outbox.clear(kNewMaximum);
    return;
  }
  parts_.outbox.raise(kNewMaximum, "info",
                      "this backup stored " + std::to_string(stored) + " bytes where " +
                          std::to_string(*room) +
                          " were free: it sets a new maximum of the month, and the bill grows");
}

/// The cluster removes what no point names any more; that points name less is up to us.
void BackupRunner::choose_packs_to_leave(vault::Vault& vault, const std::stop_token& stop) {
  maintain::LeaveOptions options;
  options.now = parts_.clock.now();
  options.cache_directory = parts_.state.cache_folder(vault.id());
  const auto chosen = maintain::leave_mostly_dead_packs(vault, options, stop);
  if (!chosen) {
    // The backup is there, and the next one tries again.
    parts_.log.info("no packs chosen to be left", field("reason", chosen.error().message));
  } else if (chosen->packs > 0) {
    parts_.log.info("the next backup leaves packs that are mostly dead",
                    field("packs", chosen->packs), field("bytes to store", chosen->live_bytes));
  }
}

Result<pipeline::BackupReport> BackupRunner::run_local(
    const std::shared_ptr<const trust::AcceptedPlan>& plan, const model::Target& target,
    std::stop_token stop) {
  Result<std::unique_ptr<store::LocalStore>> opened = store::LocalStore::open(target.path);
  if (!opened && opened.error().kind == ErrorKind::kNotFound) {
    opened = store::LocalStore::create(target.path);
  }
  if (!opened) return std::unexpected(std::move(opened).error());
  store::LocalStore& local = **opened;
  Result<pipeline::BackupReport> report = [&]() -> Result<pipeline::BackupReport> {
    ASSIGN_OR_RETURN(const auto lock, local.lock(store::Use::kWrite));
    ASSIGN_OR_RETURN(const std::unique_ptr<vault::Vault> vault,
                     parts_.keeper.open_local(local, target, plan->plan.escrow, stop));
    pipeline::BackupOptions options;
    options.reader.alignment = 1;
    return run_job(*vault, *plan, std::move(options), stop);
  }();
  if (!report) return report;
  prune_local(local, target, stop);
  measure_local(local, stop);
  return report;
}

void BackupRunner::prune_local(store::LocalStore& local, const model::Target& target,
                               const std::stop_token& stop) {
  if (target.retention.keeps_all()) return;
  const model::Retention& keep = target.retention;
  const Result<void> pruned = [&]() -> Result<void> {
    ASSIGN_OR_RETURN(const auto lock, local.lock(store::Use::kPrune));
    ASSIGN_OR_RETURN(const std::unique_ptr<vault::Vault> vault,
                     parts_.keeper.read_local(local, stop));
    maintain::PruneOptions options;
    options.rules = {keep.keep_last, keep.hourly,  keep.daily,
                     keep.weekly,    keep.monthly, keep.yearly};
    options.rules.all_since = parts_.clock.now() - std::chrono::days{keep.lock_days};
    options.cache_directory = parts_.state.cache_folder(vault->id());
    TRY(maintain::prune_vault(*vault, local, options, stop));
    return {};
  }();
  // The backup is there; that old points could not be dropped is told, and tried again next time.
  if (!pruned) {
    parts_.log.warn("local retention not carried out", field("reason", pruned.error().message));
    parts_.outbox.raise("local-retention-failed", "warning", pruned.error().message);
  } else {
    parts_.outbox.clear("local-retention-failed");
  }
}

void BackupRunner::measure_local(store::LocalStore& local, const std::stop_token& stop) {
  const Result<void> measured = [&]() -> Result<void> {
    ASSIGN_OR_RETURN(const auto lock, local.lock(store::Use::kRead));
    ASSIGN_OR_RETURN(const std::unique_ptr<vault::Vault> vault,
                     parts_.keeper.read_local(local, stop));
    return parts_.meter.measure(local.directory(), *vault, stop);
  }();
  // The weekly scan makes up for it.
  if (!measured) {
    parts_.log.info("local vault not measured", field("reason", measured.error().message));
  }
}

void BackupRunner::run_targets(const std::shared_ptr<const trust::AcceptedPlan>& plan,
                               RunOutcome& outcome, const std::stop_token& stop) {
  for (const model::Target& target : plan->plan.targets) {
    const bool cluster = target.type == model::TargetType::kCluster;
    target_ = plan->plan.targets.size() > 1 ? printable(name_of(target)) : std::string();
    TargetOutcome result{name_of(target), {}, {}};
    Result<pipeline::BackupReport> report =
        cluster ? run_cluster(plan, stop) : run_local(plan, target, stop);
    if (report) {
      result.report = std::move(*report);
    } else {
      result.error = std::move(report.error());
      parts_.log.warn("backup failed", field("target", cluster ? "cluster" : "local"),
                      field("reason", result.error->message));
    }
    outcome.targets.push_back(std::move(result));
  }
}

RunOutcome BackupRunner::run(std::shared_ptr<const trust::AcceptedPlan> plan,
                             std::stop_token stop) {
  RunOutcome outcome;
  outcome.started = parts_.clock.now();
  outcome.hooks = hooks_.run_before(*plan, stop);
  if (const Error* error = outcome.first_hook_error()) {
    // What the hook was to bring into a state worth keeping would be kept in another one.
    for (const model::Target& target : plan->plan.targets) {
      outcome.targets.push_back({name_of(target), {}, *error});
    }
  } else if (plan->plan.limits.cpu == model::CpuUse::kIdle) {
    // On a thread of its own, since there is no way back; the threads that it starts do too.
    std::jthread([&] {
      if (const Result<void> done = platform::give_way(); !done) {
        parts_.log.warn("backup does not give way", field("reason", done.error().message));
      }
      run_targets(plan, outcome, stop);
    }).join();
  } else {
    run_targets(plan, outcome, stop);
  }
  std::ranges::move(hooks_.run_after(*plan, outcome.word(), stop),
                    std::back_inserter(outcome.hooks));
  outcome.finished = parts_.clock.now();
  report(outcome);
  return outcome;
}

namespace {

platform::LoggedEvent event_of(std::string_view outcome) {
  if (outcome == "done") return platform::LoggedEvent::kBackupDone;
  if (outcome == "skipped") return platform::LoggedEvent::kBackupIncomplete;
  if (outcome == "cancelled") return platform::LoggedEvent::kBackupCancelled;
  return platform::LoggedEvent::kBackupFailed;
}

/// No name of a file: who may read the system's log is not ours to decide.
std::string event_text(const TargetOutcome& target, const wire::ActivityReport& activity) {
  if (target.error) return std::string(to_string(target.error->kind));
  std::string text;
  for (const auto& [name, count] : activity.counts) {
    text += (text.empty() ? "" : ", ") + name + " " + std::to_string(count);
  }
  return text;
}

}  // namespace

// Of hooks the cluster learns how many failed: what they wrote stays on the device.
void BackupRunner::report(const RunOutcome& outcome) {
  const auto hooks_failed = static_cast<std::uint64_t>(std::ranges::count_if(
      outcome.hooks, [](const HookRun& run) { return run.error.has_value(); }));
  for (const TargetOutcome& target : outcome.targets) {
    wire::ActivityReport activity{new_report_id(),  "backup", outcome.started,
                                  outcome.finished, "done",   {}};
    if (target.error) {
      activity.outcome = target.error->kind == ErrorKind::kCancelled ? "cancelled" : "failed";
    } else {
      const pipeline::BackupReport& report = *target.report;
      activity.outcome = report.complete() ? "done" : "skipped";
      activity.counts = {{"files", report.summary.totals.files},
                         {"directories", report.summary.totals.directories},
                         {"bytes", report.summary.totals.bytes},
                         {"read_bytes", report.summary.read_bytes},
                         {"new_bytes", report.summary.new_bytes},
                         {"stored_bytes", report.summary.stored_bytes},
                         {"skipped", report.skipped},
                         {"changed", report.changed},
                         {"read_live", report.read_live.size()}};
    }
    if (!outcome.hooks.empty()) {
      activity.counts["hooks"] = outcome.hooks.size();
      activity.counts["hooks_failed"] = hooks_failed;
    }
    platform::log_event(event_of(activity.outcome), event_text(target, activity));
    parts_.outbox.add(std::move(activity));
  }
}

}  // namespace obhut::endpoint
