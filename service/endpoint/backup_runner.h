#pragma once
// Carries out one run of the plan in force: every target in turn.

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/pipeline/backup_job.h"
#include "agent/trust/plan_gate.h"
#include "service/endpoint/cluster_store.h"
#include "service/endpoint/engine_parts.h"
#include "service/endpoint/hook_runner.h"
#include "service/endpoint/recovery.h"

namespace obhut::endpoint {

/// What became of one target.
struct TargetOutcome {
  std::string target;  ///< "cluster", or the folder
  std::optional<pipeline::BackupReport> report;
  std::optional<Error> error;
};

struct RunOutcome {
  Instant started{};
  Instant finished{};
  std::vector<TargetOutcome> targets;
  std::vector<HookRun> hooks;  ///< in the order in which they ran

  /// "done", "skipped", "failed", "cancelled".
  [[nodiscard]] std::string_view word() const;
  /// The first error whose disposition is to try again: the run is made up for soon.
  [[nodiscard]] bool retry_helps() const;
  [[nodiscard]] const Error* first_error() const;
  /// Of a hook; one that failed before the backup is the error of every target as well.
  [[nodiscard]] const Error* first_hook_error() const;
};

/// Thread: run() one at a time; the rest any.
class BackupRunner {
 public:
  BackupRunner(EngineParts parts, Recovery& recovery, HookRunner::Settings hooks)
      : parts_(std::move(parts)),
        recovery_(recovery),
        hooks_(std::move(hooks), parts_.clock, parts_.log) {}

  RunOutcome run(std::shared_ptr<const trust::AcceptedPlan> plan, std::stop_token stop);

  [[nodiscard]] const DeviceId& device() const { return parts_.identity.device; }

  /// For reading points back: the store, and the vault in it.
  Result<std::unique_ptr<ClusterStore>> cluster_store(ClusterStore::Patience patience);

 private:
  void run_targets(const std::shared_ptr<const trust::AcceptedPlan>& plan, RunOutcome& outcome,
                   const std::stop_token& stop);
  Result<pipeline::BackupReport> run_cluster(const std::shared_ptr<const trust::AcceptedPlan>& plan,
                                             std::stop_token stop);
  Result<pipeline::BackupReport> run_vault(const VaultId& id,
                                           const std::shared_ptr<const trust::AcceptedPlan>& plan,
                                           std::stop_token stop);
  void choose_packs_to_leave(vault::Vault& vault, const std::stop_token& stop);
  Result<pipeline::BackupReport> run_local(const std::shared_ptr<const trust::AcceptedPlan>& plan,
                                           const model::Target& target, std::stop_token stop);
  void prune_local(store::LocalStore& local, const model::Target& target,
                   const std::stop_token& stop);
  void measure_local(store::LocalStore& local, const std::stop_token& stop);
  std::optional<std::uint64_t> room_for(const VaultId& vault, const std::stop_token& stop);
  void tell_new_maximum(const pipeline::BackupReport& report,
                        const std::optional<std::uint64_t>& room);
  Result<pipeline::BackupReport> run_job(vault::Vault& vault, const trust::AcceptedPlan& plan,
                                         pipeline::BackupOptions options, std::stop_token stop);
  void report(const RunOutcome& outcome);

  EngineParts parts_;
  Recovery& recovery_;
  HookRunner hooks_;
  std::string target_;  // at hand, where the plan has several
};

}  // namespace obhut::endpoint
