#include "service/endpoint/engine.h"

#include "agent/base/backoff.h"
#include "agent/plan/schedule.h"

namespace obhut::endpoint {

namespace {

constexpr std::chrono::seconds kReportEvery{5};
constexpr const char* kNotRecoverable = "not-recoverable";

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
                 [config](const std::string& url) { return proxy_for(config, url); }),
      control_(transport_, clock, identity.cluster,
               wire::DeviceIdentity{identity.device, std::move(device_key)}),
      activities_(clock),
      heads_(state),
      receipts_(state, clock, log_, outbox, identity_) {}

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
  const EngineParts parts{state_,    clock_, log_,     identity_, control_, transport_,
                          *uploads_, heads_, *keeper_, outbox_,   *pauses_, activities_};
  recovery_ = std::make_unique<Recovery>(parts);
  runner_ = std::make_unique<BackupRunner>(parts, *recovery_,
                                           HookRunner::Settings{config.hooks, config.hook_limit});
  ASSIGN_OR_RETURN(scheduler_,
                   JobScheduler::open(state_, clock_, log_, *plans_, *runner_, outbox_, *pauses_));
  pauses_->on_change([this] { scheduler_->wake(); });
  plans_->on_change([this] {
    pauses_->look();  // it may have other rules
    scheduler_->wake();
  });
  return {};
}

void Engine::start() {
  threads_.emplace_back([this](std::stop_token stop) {
    run_plan_sync(control_, *plans_, line_, outbox_, clock_, log_, std::move(stop));
  });
  threads_.emplace_back([this](std::stop_token stop) { scheduler_->run(std::move(stop)); });
  threads_.emplace_back([this](std::stop_token stop) { pauses_->run(std::move(stop)); });
  threads_.emplace_back([this](std::stop_token stop) { run_reports(std::move(stop)); });
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

void Engine::collect_receipts(const std::stop_token& stop) {
  if (keeper_->waiting()) return;
  const Result<void> collected = [&]() -> Result<void> {
    ASSIGN_OR_RETURN(const VaultId vault, keeper_->cluster_vault());
    return receipts_.collect(control_, vault, stop);
  }();
  // A vault that no backup has been made into is not known to the cluster yet.
  if (!collected && collected.error().kind != ErrorKind::kCancelled &&
      collected.error().kind != ErrorKind::kNotFound) {
    log_.info("receipts of storage wait", field("reason", collected.error().message));
  }
}

void Engine::run_reports(std::stop_token stop) {
  unsigned failures = 0;
  do {
    watch_keys(stop);
    const Result<void> sent = outbox_.send(control_, stop);
    failures = sent ? 0 : failures + 1;
    if (!sent && failures == 1 && sent.error().kind != ErrorKind::kCancelled) {
      log_.info("reports wait", field("reason", sent.error().message));
    }
    if (sent) collect_receipts(stop);
  } while (clock_.sleep_for(
      failures == 0
          ? std::chrono::milliseconds(kReportEvery)
          : backoff_delay({std::chrono::seconds(5), std::chrono::minutes(10)}, failures, 0.5),
      stop));
}

}  // namespace obhut::endpoint
