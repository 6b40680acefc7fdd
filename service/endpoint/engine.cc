#include "service/endpoint/engine.h"

#include "agent/base/backoff.h"
#include "agent/plan/schedule.h"
#include "platform/installed_settings.h"

namespace obhut::endpoint {

namespace {

constexpr std::chrono::seconds kReportEvery{5};
constexpr std::chrono::seconds kMeterEvery{15};
/// Asked besides whenever one is used.
constexpr std::chrono::seconds kGrantsEvery{30};
constexpr const char* kNotRecoverable = "not-recoverable";

std::chrono::milliseconds pause_after(unsigned failures, std::chrono::seconds usual) {
  if (failures == 0) return usual;
  return backoff_delay({usual, std::chrono::minutes(10)}, failures, 0.5);
}

std::uint64_t bytes_per_second(const trust::AcceptedPlan* plan, Instant now) {
  if (plan == nullptr) return 0;
  const Result<std::optional<std::uint32_t>> kbps = plan::upload_limit_at(plan->plan, now);
  // A time zone that this machine lacks must not stop backups: then there is no limit.
  return kbps && *kbps ? **kbps * std::uint64_t{125} : 0;
}

}  // namespace

Engine::Engine(StateFolder& state, Clock& clock, const Log& log, Outbox& outbox,
               const Identity& identity, crypto::SigningKey device_key, const Config& config)
    : state_(state),
      clock_(clock),
      log_(log),
      outbox_(outbox),
      identity_(identity),
      transport_(wire::Trust{.ca_pem = {}, .spki_pin = identity.ca_pin},
                 [this, config](const std::string& url) {
                   return ways_out(config, plans_ ? plans_->proxy() : "", url);
                 }),
      control_(transport_, clock, identity.cluster,
               wire::DeviceIdentity{identity.device, std::move(device_key)}),
      activities_(clock),
      heads_(state),
      receipts_(state, clock, log_, outbox, identity_),
      trial_(clock),
      names_(clock) {}

Engine::~Engine() {
  for (std::jthread& thread : threads_) thread.request_stop();
  threads_.clear();
}

Result<std::unique_ptr<Engine>> Engine::make(StateFolder& state, Clock& clock, const Log& log,
                                             Outbox& outbox, const Identity& identity,
                                             crypto::SigningKey device_key, const Config& config) {
  std::unique_ptr<Engine> engine(
      new Engine(state, clock, log, outbox, identity, device_key.clone(), config));
  TRY(engine->build(std::move(device_key), config));
  return engine;
}

Result<void> Engine::build(crypto::SigningKey device_key, const Config& config) {
  ASSIGN_OR_RETURN(plans_, PlanKeeper::open(state_, clock_, outbox_, log_, identity_));
  ASSIGN_OR_RETURN(grants_, GrantKeeper::open(
                                state_, identity_.device,
                                [this] {
                                  return GrantKeeper::Judge{
                                      plans_->trust(),
                                      plans_->trusted_now(control_.cluster_time())};
                                },
                                log_));
  uploads_ = std::make_unique<wire::UploadPace>(
      clock_, [this] { return bytes_per_second(plans_->in_force().get(), clock_.now()); });
  ASSIGN_OR_RETURN(
      keeper_, VaultKeeper::open(state_, clock_, identity_, std::move(device_key), config.keys));
  if (!keeper_->waiting()) TRY(keeper_->cluster_vault());
  const PauseSources sources{[this] {
                               const auto plan = plans_->in_force();
                               return plan ? plan->plan.limits : model::Limits{};
                             },
                             [] { return platform::power_source(); },
                             [] { return platform::network_cost(); }};
  ASSIGN_OR_RETURN(pauses_, PauseControl::open(state_, clock_, log_, outbox_, sources));
  ASSIGN_OR_RETURN(meter_, LocalMeter::open(state_, clock_, log_, *keeper_, identity_));
  const EngineParts parts{state_, clock_,   log_,    identity_, control_,    transport_, *uploads_,
                          heads_, *keeper_, outbox_, *pauses_,  activities_, *meter_};
  recovery_ = std::make_unique<Recovery>(parts);
  runner_ = std::make_unique<BackupRunner>(parts, *recovery_,
                                           HookRunner::Settings{config.hooks, config.hook_limit});
  ASSIGN_OR_RETURN(scheduler_,
                   JobScheduler::open(state_, clock_, log_, *plans_, *runner_, outbox_, *pauses_));
  const Updater::Surroundings around{
      [this] {
        const auto plan = plans_->in_force();
        return plan ? plan->plan.updates : model::UpdateRule::kOff;
      },
      [this] { return plans_->trusted_now(control_.cluster_time()); },
      [this] {
        return scheduler_->view().running || !activities_.views(Audience::kAdministrator).empty();
      },
      [this] { return pauses_->paused(); }};
  ASSIGN_OR_RETURN(updater_,
                   Updater::open(state_, clock_, log_, outbox_, control_, config, around));
  pauses_->on_change([this] { scheduler_->wake(); });
  plans_->on_change([this] {
    pauses_->look();  // it may have other rules
    scheduler_->wake();
  });
  return {};
}

PointSource Engine::points() {
  return {
      {clock_, identity_, control_, transport_, *uploads_, heads_, *keeper_}, activities_, &names_};
}

void Engine::start() {
  threads_.emplace_back([this](std::stop_token stop) {
    run_plan_sync(control_, *plans_, line_, outbox_, clock_, log_, std::move(stop));
  });
  threads_.emplace_back([this](std::stop_token stop) { scheduler_->run(std::move(stop)); });
  threads_.emplace_back([this](std::stop_token stop) { pauses_->run(std::move(stop)); });
  threads_.emplace_back([this](std::stop_token stop) { run_reports(std::move(stop)); });
  threads_.emplace_back([this](std::stop_token stop) { run_meter(std::move(stop)); });
  threads_.emplace_back([this](std::stop_token stop) { updater_->run(std::move(stop)); });
}

void Engine::watch_keys(const std::stop_token& stop) {
  if (keeper_->waiting()) {
    // ignored: it is asked again, and the line that is lost has its own alert
    if (!keeper_->awaited()) (void)recovery_->look(stop);
    return;
  }
  if (keeper_->recoverability().recoverable()) {
    outbox_.clear(kNotRecoverable);
  } else if (scheduler_->view().last_success) {
    outbox_.raise(kNotRecoverable, "warning",
                  "only this machine can open its backups: the plan has no escrow key, and nobody "
                  "confirmed a recovery key");
  }
}

void Engine::watch_restart() {
  constexpr const char* kRebootPending = "reboot-pending";
  if (!platform::waits_for_restart()) return outbox_.clear(kRebootPending);
  outbox_.raise(kRebootPending, "info",
                "some of this version's files take their places when the machine starts next, "
                "whenever that suits; until then the files of before do their work");
}

void Engine::collect_receipts(const std::stop_token& stop) {
  if (keeper_->waiting()) return;
  const Result<void> collected = [&]() -> Result<void> {
    ASSIGN_OR_RETURN(const VaultId vault, keeper_->cluster_vault());
    std::vector<VaultId> vaults{vault};
    for (const LocalVault& local : meter_->vaults()) vaults.push_back(local.vault);
    return receipts_.collect(control_, vaults, stop);
  }();
  if (!collected && collected.error().kind != ErrorKind::kCancelled) {
    log_.info("receipts of storage wait", field("reason", collected.error().message));
  }
}

/// On a thread of its own: to list a large vault on a slow share takes minutes.
void Engine::run_meter(std::stop_token stop) {
  unsigned failures = 0;
  do {
    Result<void> done = meter_->scan_if_due(stop);
    if (done) done = meter_->send(control_, stop);
    failures = done ? 0 : failures + 1;
    if (!done && failures == 1 && done.error().kind != ErrorKind::kCancelled) {
      log_.info("metering of local vaults waits", field("reason", done.error().message));
    }
  } while (clock_.sleep_for(pause_after(failures, kMeterEvery), stop));
}

void Engine::refresh_grants(const std::stop_token& stop) {
  if (grants_->empty() || line_.loss()) return;
  const auto revoked = control_.revoked_grants(stop);
  if (revoked) return grants_->take_back(*revoked);
  if (revoked.error().kind != ErrorKind::kCancelled) {
    log_.info("revoked grants not asked for", field("reason", revoked.error().message));
  }
}

void Engine::watch_grants(const std::stop_token& stop) {
  grants_->look();
  if (clock_.steady() - grants_asked_ < kGrantsEvery) return;
  grants_asked_ = clock_.steady();
  refresh_grants(stop);
}

void Engine::run_reports(std::stop_token stop) {
  unsigned failures = 0;
  do {
    watch_keys(stop);
    watch_restart();
    watch_grants(stop);
    names_.forget_idle();
    const Result<void> sent = outbox_.send(control_, stop);
    failures = sent ? 0 : failures + 1;
    if (!sent && failures == 1 && sent.error().kind != ErrorKind::kCancelled) {
      log_.info("reports wait", field("reason", sent.error().message));
    }
    if (sent) {
      collect_receipts(stop);
      trial_.look(control_, stop);
    }
  } while (clock_.sleep_for(pause_after(failures, kReportEvery), stop));
}

}  // namespace obhut::endpoint
