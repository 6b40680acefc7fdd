#pragma once
// Carries out one run of the plan in force: every target in turn.

#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/result.h"
#include "agent/pipeline/backup_job.h"
#include "agent/trust/plan_gate.h"
#include "agent/wire/control_client.h"
#include "agent/wire/http_store.h"
#include "service/endpoint/head_file.h"
#include "service/endpoint/identity.h"
#include "service/endpoint/outbox.h"
#include "service/endpoint/state_folder.h"
#include "service/endpoint/vault_keeper.h"

namespace obhut::endpoint {

class Recovery;

/// The cluster's vault as a store: tickets and ranges, asked again where that may help, as fast as
/// the plan allows. Borrows what it is made of.
class ClusterStore {
 public:
  /// Who waits: a run in the background is patient for a good minute, a person for seconds.
  enum class Patience : std::uint8_t { kBackground, kPerson };
  static Result<std::unique_ptr<ClusterStore>> make(
      wire::ControlClient& control, wire::Transport& transport, wire::HeadMemory& memory,
      const wire::HttpStore::Place& place, Clock& clock,
      std::shared_ptr<const trust::AcceptedPlan> plan, Patience patience);
  ~ClusterStore();
  [[nodiscard]] store::Store& store();

 private:
  struct Layers;
  explicit ClusterStore(std::unique_ptr<Layers> layers);
  std::unique_ptr<Layers> layers_;
};

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

  /// "done", "skipped", "failed", "cancelled".
  [[nodiscard]] std::string_view word() const;
  /// The first error whose disposition is to try again: the run is made up for soon.
  [[nodiscard]] bool retry_helps() const;
  [[nodiscard]] const Error* first_error() const;
};

/// Thread: run() one at a time; progress() and open_reading() any.
class BackupRunner {
 public:
  struct Parts {
    StateFolder& state;
    Clock& clock;
    Log log;
    const Identity& identity;
    wire::ControlClient& control;
    wire::Transport& transport;
    HeadFiles& heads;
    VaultKeeper& keeper;
    Recovery& recovery;
    Outbox& outbox;
  };
  explicit BackupRunner(Parts parts) : parts_(std::move(parts)) {}

  RunOutcome run(std::shared_ptr<const trust::AcceptedPlan> plan, std::stop_token stop);
  /// Of the run that goes on now.
  [[nodiscard]] std::optional<pipeline::Progress> progress() const;

  [[nodiscard]] const DeviceId& device() const { return parts_.identity.device; }

  /// For reading points back: the store, and the vault in it.
  Result<std::unique_ptr<ClusterStore>> cluster_store(
      std::shared_ptr<const trust::AcceptedPlan> plan, ClusterStore::Patience patience);

  /// Where the index of the cluster's vault is kept between runs.
  [[nodiscard]] std::string cache_folder(const VaultId& vault) const;

 private:
  Result<pipeline::BackupReport> run_cluster(const std::shared_ptr<const trust::AcceptedPlan>& plan,
                                             std::stop_token stop);
  Result<pipeline::BackupReport> run_vault(const VaultId& id,
                                           const std::shared_ptr<const trust::AcceptedPlan>& plan,
                                           std::stop_token stop);
  Result<pipeline::BackupReport> run_local(const std::shared_ptr<const trust::AcceptedPlan>& plan,
                                           const model::Target& target, std::stop_token stop);
  Result<pipeline::BackupReport> run_job(vault::Vault& vault, const trust::AcceptedPlan& plan,
                                         pipeline::BackupOptions options, std::stop_token stop);
  void report(const RunOutcome& outcome);

  Parts parts_;
  mutable std::mutex mutex_;
  pipeline::BackupJob* running_ = nullptr;  // borrowed from run_job() while it runs
};

}  // namespace obhut::endpoint
