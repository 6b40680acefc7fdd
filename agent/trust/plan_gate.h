#pragma once
// Which plan an endpoint carries out. The cluster asks the same gate before it publishes one.

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/model/plan.h"
#include "agent/plan/plan_change.h"
#include "agent/trust/envelope.h"
#include "agent/trust/trust_chain.h"

namespace obhut::trust {

/// A dangerous change (agent/plan/plan_change.h) takes effect no sooner than this after it was
/// issued: the time in which a partner can notice it and sign a plan that takes it back.
inline constexpr std::chrono::hours kDangerousChangeDelay{72};

enum class PlanRefusalReason : std::uint8_t {
  kMalformedEnvelope,
  kBadSignature,
  kUnsigned,
  kForeignPartner,
  kUnknownOperator,
  kRevokedOperator,
  kExpiredOperator,
  kRoleMissing,
  kTrustListExpired,
  kOtherDevice,   ///< or another customer
  kLessSpecific,  ///< a customer's plan where one for the device itself is in force
  kOlderVersion,
  kSameVersion,  ///< as the one held, with other content
  kExpiredPlan,
  kMalformedPlan,
  kNeedsTwoOperators,
  kNeedsDelay,
};
/// "bad-signature" …: stable, for alerts and problem documents.
std::string_view to_string(PlanRefusalReason reason);

struct PlanRefusal {
  PlanRefusalReason reason;
  std::string message;
  std::vector<plan::ChangeReason> changes;  ///< kNeedsTwoOperators, kNeedsDelay: which ones
  /// kRefused, or kInvalidInput for what is malformed.
  [[nodiscard]] Error error() const;
};

struct AcceptedPlan {
  PlanEnvelope envelope;
  model::Plan plan;
  Sha256 hash;                         ///< names the plan in heads and reports
  std::vector<std::string> operators;  ///< names of those who signed
  Instant accepted_at{};
  Instant effective_at{};
  std::vector<plan::ChangeReason> changes;  ///< dangerous ones, signed by two
  std::string document;                     ///< as received
};

/// Whom a plan is judged for. The cluster, which publishes for a whole customer, leaves `device`
/// empty.
struct PlanAudience {
  std::optional<DeviceId> device;
  CustomerId customer;
};

enum class GateSide : std::uint8_t {
  kEndpoint,
  /// Also refuses a delay that is not whole from the moment of publishing on, so that dating a plan
  /// back gains nothing.
  kCluster,
};

/// Judges one envelope; changes nothing.
/// In: `held` are the plans that it must be newer than and is compared with: in force first, then
/// pending; either may be null. `now` is the latest time ever seen.
std::expected<AcceptedPlan, PlanRefusal> judge_plan(
    std::string_view document, const TrustChain& trust, const PlanAudience& audience,
    const AcceptedPlan* in_force, const AcceptedPlan* pending, Instant now, GateSide side);

/// The plan in force and the one that waits for its time. Keep state() through atomic_file.
/// Thread: one at a time.
class PlanGate {
 public:
  explicit PlanGate(const PlanAudience& audience, GateSide side = GateSide::kEndpoint)
      : audience_(audience), side_(side) {}
  /// The inverse of state(). Signers are not asked for again: expiry and revocation bound
  /// acceptance, never operation.
  /// Errors: kCorrupt.
  static Result<PlanGate> from_state(const PlanAudience& audience, std::string_view json,
                                     GateSide side = GateSide::kEndpoint);
  [[nodiscard]] std::string state() const;

  enum class Outcome : std::uint8_t {
    kInForce,   ///< carried out from now on
    kPending,   ///< kept until its time; the plan in force stays
    kRepeated,  ///< known already
  };
  /// On refusal nothing changes: the last good plan stays in force.
  std::expected<Outcome, PlanRefusal> offer(std::string_view document, const TrustChain& trust,
                                            Instant now);

  /// Puts a pending plan whose time has come into force; true where that happened (save state()).
  bool advance(Instant now);
  [[nodiscard]] const AcceptedPlan* in_force() const { return in_force_ ? &*in_force_ : nullptr; }
  [[nodiscard]] const AcceptedPlan* pending() const { return pending_ ? &*pending_ : nullptr; }

 private:
  PlanAudience audience_;
  GateSide side_;
  std::optional<AcceptedPlan> in_force_;
  std::optional<AcceptedPlan> pending_;
};

}  // namespace obhut::trust
