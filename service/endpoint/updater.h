#pragma once
// Newer versions of the agent: looks for them once a day, fetches the package for this machine, and
// hands it over where the plan says so. Nothing is installed by this process.

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/guarded.h"
#include "agent/base/log.h"
#include "agent/base/result.h"
#include "agent/model/plan.h"
#include "agent/trust/release.h"
#include "agent/wire/control_client.h"
#include "service/endpoint/config.h"
#include "service/endpoint/outbox.h"
#include "service/endpoint/state_folder.h"
#include "service/endpoint/update_record.h"

namespace obhut::endpoint {

/// How things stand, for people.
struct UpdateView {
  model::UpdateRule rule = model::UpdateRule::kOff;  ///< of the plan
  /// Why nothing is looked for: "" (it is), "plan", "settings" (agent.toml), "no-root" (the package
  /// brought no release root), "no-package-manager".
  std::string off;
  std::string runs;     ///< the version that runs
  std::string offered;  ///< a newer one, "" where there is none
  bool downloaded = false;
  std::string installing;  ///< handed over, and nothing heard of it yet
  std::string installed;   ///< taken by the package manager, and not running yet
  std::optional<Instant> checked;
  std::uint64_t serial = 0;
  std::uint64_t root = 0;  ///< version of the release root held; 0: none
  std::string problem;
};

/// Thread: run() one, the rest any.
class Updater {
 public:
  /// Borrowed from the engine.
  struct Surroundings {
    std::function<model::UpdateRule()> rule;
    std::function<Instant()> trusted_now;
    /// Whether a backup, a restore or the like is under way.
    std::function<bool()> busy;
    /// Whether backups stand still, for whoever asked for it, a battery or a metered network.
    std::function<bool()> paused;
  };
  static Result<std::unique_ptr<Updater>> open(StateFolder& state, Clock& clock, const Log& log,
                                               Outbox& outbox, wire::ControlClient& control,
                                               const Config& config, Surroundings around);

  void run(std::stop_token stop);
  /// Asks the cluster now, whatever the plan says; fetches nothing. Not so often as not
  /// `at_most_every`: then it does nothing.
  /// Errors: kRefused where agent.toml forbids it or the package brought no root, and for what the
  /// cluster gave and that proves nothing; those of the line.
  Result<void> check(const std::stop_token& stop, std::chrono::seconds at_most_every = {});
  /// Fetches what is offered and hands it over. Out: its version.
  /// Errors: kRefused where plan or agent.toml forbid it; kNotFound where nothing newer is offered;
  /// kConflict while a backup or restore runs, or something is being installed.
  Result<std::string> install(const std::stop_token& stop);
  [[nodiscard]] UpdateView view() const;

 private:
  Updater(StateFolder& state, Clock& clock, const Log& log, Outbox& outbox,
          wire::ControlClient& control, const Config& config, Surroundings around)
      : state_(state),
        clock_(clock),
        log_(log),
        outbox_(outbox),
        control_(control),
        config_(config),
        around_(std::move(around)) {}
  // All with work_ held.
  void step(const std::stop_token& stop);
  Result<void> look(const std::stop_token& stop);
  Result<void> take_roots(trust::ReleaseTrust& trust, const std::stop_token& stop);
  Result<std::optional<trust::ReleasePackage>> offer();
  Result<void> fetch(const trust::ReleasePackage& package, const std::stop_token& stop);
  Result<void> download(const trust::ReleasePackage& package, const std::stop_token& stop);
  Result<void> hand_over(const trust::ReleasePackage& package);
  Result<void> start_installer() const;
  void watch_handed();
  void settle(const UpdateResult& result);
  [[nodiscard]] bool may_try(const trust::ReleasePackage& package) const;
  [[nodiscard]] bool lies_ready(const trust::ReleasePackage& package) const;
  [[nodiscard]] std::string why_off() const;
  void note(const Error& error);
  Result<void> save();
  void publish();

  StateFolder& state_;
  Clock& clock_;
  Log log_;
  Outbox& outbox_;
  wire::ControlClient& control_;
  Config config_;
  Surroundings around_;
  std::mutex work_;  // held for as long as a look, a download or a handing over takes
  UpdateRecord record_;
  std::chrono::steady_clock::time_point next_look_{};
  std::optional<std::chrono::steady_clock::time_point> asked_;
  std::chrono::steady_clock::time_point fetch_again_{};
  Guarded<UpdateView> view_{UpdateView{}};
};

}  // namespace obhut::endpoint
