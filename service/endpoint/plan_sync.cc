#include "service/endpoint/plan_sync.h"

#include <random>

#include <nlohmann/json.hpp>

#include "agent/base/backoff.h"
#include "service/endpoint/json_fields.h"

namespace obhut::endpoint {

namespace {

constexpr const char* kPlan = "plan.json";
constexpr const char* kTrust = "trust.json";
constexpr const char* kSeen = "plan-seen.json";
constexpr std::chrono::seconds kPoll{50};
/// The line is said to be lost only after this: a cluster that restarts is no reason for an alert.
constexpr std::chrono::minutes kLostAfter{15};
constexpr const char* kUnreachable = "cluster-unreachable";
constexpr const char* kRemoved = "device-removed";

Result<trust::PlanGate> load_gate(const StateFolder& state, const trust::PlanAudience& audience) {
  ASSIGN_OR_RETURN(const std::optional<std::string> stored, state.load_text(kPlan));
  if (!stored) return trust::PlanGate(audience);
  return trust::PlanGate::from_state(audience, *stored);
}

}  // namespace

Result<trust::TrustChain> load_trust(const StateFolder& state) {
  ASSIGN_OR_RETURN(const std::optional<std::string> text, state.load_text(kTrust));
  if (!text) return fail(ErrorKind::kCorrupt, state.path(kTrust) + ": missing");
  return trust::TrustChain::from_state(*text);
}

std::string kept_proxy(const StateFolder& state, const Identity& identity) {
  const auto gate = load_gate(state, {.device = identity.device, .customer = identity.customer});
  return gate && gate->in_force() != nullptr ? gate->in_force()->plan.proxy : "";
}

Result<std::unique_ptr<PlanKeeper>> PlanKeeper::open(StateFolder& state, Clock& clock,
                                                     Outbox& outbox, const Log& log,
                                                     const Identity& identity) {
  ASSIGN_OR_RETURN(TrustedTime time, TrustedTime::open(state, clock));
  ASSIGN_OR_RETURN(trust::TrustChain chain, load_trust(state));
  ASSIGN_OR_RETURN(trust::PlanGate gate,
                   load_gate(state, {.device = identity.device, .customer = identity.customer}));
  std::unique_ptr<PlanKeeper> keeper(
      new PlanKeeper(state, outbox, log, time, std::move(chain), std::move(gate)));
  ASSIGN_OR_RETURN(const std::optional<nlohmann::json> seen, state.load(kSeen));
  if (seen) keeper->seen_version_ = number_or(*seen, "version");
  keeper->publish();
  return keeper;
}

void PlanKeeper::publish() {
  const auto copy = [](const trust::AcceptedPlan* plan) {
    return plan ? std::make_shared<const trust::AcceptedPlan>(*plan) : nullptr;
  };
  in_force_ = copy(gate_.in_force());
  pending_ = copy(gate_.pending());
}

Result<void> PlanKeeper::take_trust(const std::string& document) {
  if (document.empty() || document == chain_.document()) return {};
  const Result<bool> changed = chain_.update(document);
  if (!changed) {
    outbox_.raise("trust-list-refused", "critical", changed.error().message);
    log_.warn("trust list refused", field("reason", changed.error().message));
    return {};
  }
  outbox_.clear("trust-list-refused");
  if (!*changed) return {};
  log_.info("trust list taken", field("serial", chain_.serial()));
  return state_.save_text(kTrust, chain_.state());
}

void PlanKeeper::refused(const trust::PlanRefusal& refusal) {
  const std::string code = "plan-refused-" + std::string(trust::to_string(refusal.reason));
  last_refusal_ = code + ": " + refusal.message;
  outbox_.raise(code, "critical", refusal.message);
  log_.warn("plan refused", field("reason", trust::to_string(refusal.reason)),
            field("message", refusal.message));
}

Result<void> PlanKeeper::take(const wire::PlanReply& delivered,
                              std::optional<Instant> cluster_time) {
  std::function<void()> changed;
  {
    const std::scoped_lock lock(mutex_);
    TRY(take_trust(delivered.trust));
    const auto outcome = gate_.offer(delivered.envelope, chain_, time_.now(cluster_time));
    if (delivered.version > seen_version_) {
      // Kept, so that a refused plan is judged again after a restart only if a newer one comes.
      seen_version_ = delivered.version;
      TRY(state_.save(kSeen, {{"version", seen_version_}}));
    }
    if (!outcome) {
      refused(outcome.error());
      return {};
    }
    if (*outcome == trust::PlanGate::Outcome::kRepeated) return {};
    TRY(state_.save_text(kPlan, gate_.state()));
    last_refusal_.clear();
    outbox_.clear_all("plan-refused-");
    publish();
    log_.info("plan taken", field("version", delivered.version),
              field("pending", *outcome == trust::PlanGate::Outcome::kPending ? "yes" : "no"));
    changed = changed_;
  }
  if (changed) changed();
  return {};
}

Result<void> PlanKeeper::advance(std::optional<Instant> cluster_time) {
  std::function<void()> changed;
  {
    const std::scoped_lock lock(mutex_);
    if (!gate_.advance(time_.now(cluster_time))) return {};
    TRY(state_.save_text(kPlan, gate_.state()));
    publish();
    changed = changed_;
  }
  if (changed) changed();
  return {};
}

std::shared_ptr<const trust::AcceptedPlan> PlanKeeper::in_force() const {
  const std::scoped_lock lock(mutex_);
  return in_force_;
}

std::string PlanKeeper::proxy() const {
  const std::scoped_lock lock(mutex_);
  return in_force_ ? in_force_->plan.proxy : "";
}

std::shared_ptr<const trust::AcceptedPlan> PlanKeeper::pending() const {
  const std::scoped_lock lock(mutex_);
  return pending_;
}

std::uint64_t PlanKeeper::seen_version() const {
  const std::scoped_lock lock(mutex_);
  return seen_version_;
}

std::uint64_t PlanKeeper::trust_serial() const {
  const std::scoped_lock lock(mutex_);
  return chain_.serial();
}

trust::TrustChain PlanKeeper::trust() const {
  const std::scoped_lock lock(mutex_);
  return chain_;
}

Instant PlanKeeper::trusted_now(std::optional<Instant> cluster_time) {
  const std::scoped_lock lock(mutex_);
  return time_.now(cluster_time);
}

std::string PlanKeeper::last_refusal() const {
  const std::scoped_lock lock(mutex_);
  return last_refusal_;
}

void PlanKeeper::on_change(std::function<void()> call) {
  const std::scoped_lock lock(mutex_);
  changed_ = std::move(call);
}

void Reachability::heard(Instant at) {
  const std::scoped_lock lock(mutex_);
  last_heard_ = at;
  loss_.reset();
}

void Reachability::lost(const Error& error, Instant at) {
  const std::scoped_lock lock(mutex_);
  if (!loss_) loss_ = {at, error};
  loss_->error = error;
}

std::optional<Instant> Reachability::last_heard() const {
  const std::scoped_lock lock(mutex_);
  return last_heard_;
}

std::optional<Reachability::Loss> Reachability::loss() const {
  const std::scoped_lock lock(mutex_);
  return loss_;
}

namespace {

/// Looks at a failed poll; gives the pause before the next.
std::chrono::milliseconds after_failure(const Error& error, unsigned failures, Reachability& line,
                                        Outbox& outbox, Clock& clock, const Log& log) {
  static thread_local std::mt19937 chance{std::random_device{}()};
  line.lost(error, clock.now());
  if (failures == 1) {
    log.warn("cluster does not answer", field("reason", error.message));
  }
  if (error.kind == ErrorKind::kRefused && error.message.find("removed") != std::string::npos) {
    outbox.raise(kRemoved, "critical", error.message);
    return std::chrono::minutes(10);
  }
  if (const auto loss = line.loss(); loss && clock.now() - loss->since >= kLostAfter) {
    outbox.raise(kUnreachable, "warning", error.message);
  }
  return backoff_delay({std::chrono::milliseconds(500), std::chrono::milliseconds(60'000)},
                       failures, std::uniform_real_distribution<double>(0.0, 1.0)(chance));
}

}  // namespace

void run_plan_sync(wire::ControlClient& cluster, PlanKeeper& keeper, Reachability& line,
                   Outbox& outbox, Clock& clock, const Log& log, std::stop_token stop) {
  unsigned failures = 0;
  // The first poll does not wait, so that the line is known to be good at once.
  std::chrono::seconds patience{0};
  while (!stop.stop_requested()) {
    const std::uint64_t seen = keeper.seen_version();
    Result<std::optional<wire::PlanReply>> polled =
        cluster.plan_after(seen, keeper.trust_serial(), patience, stop);
    if (!polled) {
      if (polled.error().kind == ErrorKind::kCancelled) return;
      ++failures;
      patience = std::chrono::seconds(0);
      if (!clock.sleep_for(after_failure(polled.error(), failures, line, outbox, clock, log), stop))
        return;
      continue;
    }
    if (failures > 0) log.info("cluster answers again");
    failures = 0;
    patience = kPoll;
    line.heard(clock.now());
    outbox.clear(kUnreachable);
    outbox.clear(kRemoved);
    const Result<void> kept = *polled ? keeper.take(**polled, cluster.cluster_time())
                                      : keeper.advance(cluster.cluster_time());
    if (!kept) {
      log.error("plan not kept", field("reason", kept.error().message));
      outbox.raise("state-not-written", "critical", kept.error().message);
      if (!clock.sleep_for(std::chrono::seconds(30), stop)) return;
    }
    // A plan that comes again for the sake of a trust list that we refuse would come at once, for
    // ever.
    const bool again = *polled && (*polled)->version <= seen;
    if (again && !clock.sleep_for(std::chrono::seconds(30), stop)) return;
  }
}

}  // namespace obhut::endpoint
