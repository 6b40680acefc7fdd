#pragma once
// Everything that works once the endpoint is enrolled, and its threads.

#include <memory>
#include <thread>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/result.h"
#include "agent/crypto/signing.h"
#include "agent/wire/control_client.h"
#include "agent/wire/cpprest_transport.h"
#include "agent/wire/upload_pace.h"
#include "service/endpoint/activities.h"
#include "service/endpoint/backup_runner.h"
#include "service/endpoint/config.h"
#include "service/endpoint/grant_keeper.h"
#include "service/endpoint/head_file.h"
#include "service/endpoint/identity.h"
#include "service/endpoint/job_scheduler.h"
#include "service/endpoint/local_meter.h"
#include "service/endpoint/name_indexes.h"
#include "service/endpoint/outbox.h"
#include "service/endpoint/pause_control.h"
#include "service/endpoint/plan_sync.h"
#include "service/endpoint/point_reader.h"
#include "service/endpoint/receipt_keeper.h"
#include "service/endpoint/recovery.h"
#include "service/endpoint/state_folder.h"
#include "service/endpoint/trial_watch.h"
#include "service/endpoint/updater.h"
#include "service/endpoint/vault_keeper.h"

namespace obhut::endpoint {

/// Made whole or not at all. Dropping it stops its threads, a running backup included.
/// Thread: any may use the parts.
class Engine {
 public:
  static Result<std::unique_ptr<Engine>> make(StateFolder& state, Clock& clock, const Log& log,
                                              Outbox& outbox, const Identity& identity,
                                              crypto::SigningKey device_key, const Config& config);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  void start();

  [[nodiscard]] const Identity& identity() const { return identity_; }
  [[nodiscard]] PlanKeeper& plans() { return *plans_; }
  [[nodiscard]] VaultKeeper& keeper() { return *keeper_; }
  [[nodiscard]] Recovery& recovery() { return *recovery_; }
  [[nodiscard]] BackupRunner& runner() { return *runner_; }
  [[nodiscard]] JobScheduler& scheduler() { return *scheduler_; }
  [[nodiscard]] PauseControl& pauses() { return *pauses_; }
  [[nodiscard]] Activities& activities() { return activities_; }
  [[nodiscard]] GrantKeeper& grants() { return *grants_; }
  /// Asks the cluster which grants the partner took back, where it can be reached now.
  void refresh_grants(const std::stop_token& stop);
  [[nodiscard]] const TrialWatch& trial() const { return trial_; }
  [[nodiscard]] const ReceiptKeeper& receipts() const { return receipts_; }
  [[nodiscard]] const LocalMeter& meter() const { return *meter_; }
  [[nodiscard]] Updater& updater() { return *updater_; }
  [[nodiscard]] Reachability& line() { return line_; }
  [[nodiscard]] wire::ControlClient& control() { return control_; }
  /// To look into recovery points. Valid as long as this.
  [[nodiscard]] PointSource points();

 private:
  Engine(StateFolder& state, Clock& clock, const Log& log, Outbox& outbox, const Identity& identity,
         crypto::SigningKey device_key, const Config& config);
  Result<void> build(crypto::SigningKey device_key, const Config& config);
  void watch_keys(const std::stop_token& stop);
  void watch_restart();
  void collect_receipts(const std::stop_token& stop);
  void run_reports(std::stop_token stop);
  void watch_grants(const std::stop_token& stop);
  void run_meter(std::stop_token stop);

  StateFolder& state_;
  Clock& clock_;
  Log log_;
  Outbox& outbox_;
  Identity identity_;
  wire::CpprestTransport transport_;
  wire::ControlClient control_;
  Reachability line_;
  Activities activities_;
  std::unique_ptr<PlanKeeper> plans_;
  std::unique_ptr<GrantKeeper> grants_;
  std::unique_ptr<wire::UploadPace> uploads_;
  std::unique_ptr<VaultKeeper> keeper_;
  HeadFiles heads_;
  ReceiptKeeper receipts_;
  TrialWatch trial_;
  NameIndexes names_;
  std::unique_ptr<LocalMeter> meter_;
  std::unique_ptr<Recovery> recovery_;
  std::unique_ptr<PauseControl> pauses_;
  std::unique_ptr<BackupRunner> runner_;
  std::unique_ptr<JobScheduler> scheduler_;
  std::unique_ptr<Updater> updater_;
  std::chrono::steady_clock::time_point grants_asked_{};  // of run_reports
  std::vector<std::jthread> threads_;                     // last: they use all of the above
};

}  // namespace obhut::endpoint
