#pragma once
// Takes pushed plans, keeps the last good one.

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/result.h"
#include "agent/trust/plan_gate.h"
#include "agent/wire/control_client.h"
#include "service/endpoint/identity.h"
#include "service/endpoint/outbox.h"
#include "service/endpoint/state_folder.h"
#include "service/endpoint/trusted_time.h"

namespace obhut::endpoint {

/// The partner's root and keys, as they were kept. Errors: kCorrupt.
Result<trust::TrustChain> load_trust(const StateFolder& state);

/// The proxy of the plan in force, as it was kept; "" where it names none, or cannot be read: that
/// is the daemon's to report.
std::string kept_proxy(const StateFolder& state, const Identity& identity);

/// The plan in force, as the scheduler sees it.
/// Thread: any.
class PlanKeeper {
 public:
  static Result<std::unique_ptr<PlanKeeper>> open(StateFolder& state, Clock& clock, Outbox& outbox,
                                                  const Log& log, const Identity& identity);

  /// Judges a delivered plan and keeps it durably before it takes effect. A refused one becomes an
  /// alert; the plan in force stays. In: what the cluster's clock shows, where that is known.
  /// Errors: only of the disk.
  Result<void> take(const wire::PlanReply& delivered, std::optional<Instant> cluster_time);
  /// Puts a pending plan whose time has come into force.
  Result<void> advance(std::optional<Instant> cluster_time);

  [[nodiscard]] std::shared_ptr<const trust::AcceptedPlan> in_force() const;
  [[nodiscard]] std::shared_ptr<const trust::AcceptedPlan> pending() const;
  /// Of the plan in force; "" where it names none.
  [[nodiscard]] std::string proxy() const;
  /// The newest version that was seen, good or refused: what a poll asks after.
  [[nodiscard]] std::uint64_t seen_version() const;
  /// Of the partner's trust list that is held.
  [[nodiscard]] std::uint64_t trust_serial() const;
  /// The partner's keys, as far as they are known here.
  [[nodiscard]] trust::TrustChain trust() const;
  /// In: what the cluster's clock shows, where that is known.
  Instant trusted_now(std::optional<Instant> cluster_time);
  [[nodiscard]] std::string last_refusal() const;
  /// Called after the plan in force changed, on the thread that changed it.
  void on_change(std::function<void()> call);

 private:
  PlanKeeper(StateFolder& state, Outbox& outbox, const Log& log, TrustedTime time,
             trust::TrustChain chain, trust::PlanGate gate)
      : state_(state),
        outbox_(outbox),
        log_(log),
        time_(time),
        chain_(std::move(chain)),
        gate_(std::move(gate)) {}
  Result<void> take_trust(const std::string& document);
  void refused(const trust::PlanRefusal& refusal);
  void publish();  // with mutex_ held

  StateFolder& state_;
  Outbox& outbox_;
  Log log_;
  mutable std::mutex mutex_;
  TrustedTime time_;
  trust::TrustChain chain_;
  trust::PlanGate gate_;
  std::uint64_t seen_version_ = 0;
  std::string last_refusal_;
  std::shared_ptr<const trust::AcceptedPlan> in_force_;  // shared with running jobs
  std::shared_ptr<const trust::AcceptedPlan> pending_;
  std::function<void()> changed_;
};

/// What the rest of the daemon is told about the line to the cluster.
class Reachability {
 public:
  /// In: when the cluster was last heard of.
  void heard(Instant at);
  void lost(const Error& error, Instant at);
  [[nodiscard]] std::optional<Instant> last_heard() const;
  /// Since when, and why; nothing while the line is good.
  struct Loss {
    Instant since{};
    Error error;
  };
  [[nodiscard]] std::optional<Loss> loss() const;

 private:
  mutable std::mutex mutex_;
  std::optional<Instant> last_heard_;
  std::optional<Loss> loss_;
};

/// Polls until stopped. Runs on its own thread.
void run_plan_sync(wire::ControlClient& cluster, PlanKeeper& keeper, Reachability& line,
                   Outbox& outbox, Clock& clock, const Log& log, std::stop_token stop);

}  // namespace obhut::endpoint
