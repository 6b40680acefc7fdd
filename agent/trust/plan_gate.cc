#include "agent/trust/plan_gate.h"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/plan/plan_codec.h"
#include "agent/trust/fields.h"

namespace obhut::trust {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using Refused = std::unexpected<PlanRefusal>;
using Reason = PlanRefusalReason;

constexpr std::string_view kStateSchema = "obhut.plan-gate/1";
/// How long signing and uploading may take before a cluster calls the delay cut short.
constexpr std::chrono::hours kPublishGrace{1};

Refused refuse(Reason reason, std::string message, std::vector<plan::ChangeReason> changes = {}) {
  return std::unexpected(PlanRefusal{reason, std::move(message), std::move(changes)});
}

Reason reason_of(const Error& error) {
  if (error.kind == ErrorKind::kRefused) return Reason::kUnsigned;
  return error.kind == ErrorKind::kCrypto ? Reason::kBadSignature : Reason::kMalformedEnvelope;
}

Reason reason_of(Standing standing) {
  switch (standing) {
    case Standing::kRevoked:
      return Reason::kRevokedOperator;
    case Standing::kExpired:
      return Reason::kExpiredOperator;
    case Standing::kRoleMissing:
      return Reason::kRoleMissing;
    case Standing::kListExpired:
      return Reason::kTrustListExpired;
    case Standing::kUnknown:
    case Standing::kGood:
      break;
  }
  return Reason::kUnknownOperator;
}

/// Names of the operators who signed, each of whom must be allowed to.
std::expected<std::vector<std::string>, PlanRefusal> signed_by(const SignedEnvelope& signed_plan,
                                                               const TrustChain& trust,
                                                               Instant now) {
  std::vector<std::string> names;
  for (const SigningKeyId& key : signed_plan.signers) {
    Result<Operator> entry = trust.require(key, OperatorRole::kPlan, now);
    if (!entry) {
      return refuse(reason_of(trust.standing(key, OperatorRole::kPlan, now)),
                    "plan: " + entry.error().message);
    }
    names.push_back(entry->name);
  }
  return names;
}

bool for_customer(const AcceptedPlan& plan) {
  return std::holds_alternative<CustomerId>(plan.envelope.target);
}

std::expected<void, PlanRefusal> check_target(const PlanEnvelope& envelope, const TrustChain& trust,
                                              const PlanAudience& audience) {
  if (envelope.partner != trust.partner()) {
    return refuse(Reason::kForeignPartner,
                  "plan: belongs to another partner, " + envelope.partner.text());
  }
  if (const auto* device = std::get_if<DeviceId>(&envelope.target)) {
    if (audience.device == *device) return {};
    return refuse(Reason::kOtherDevice, "plan: made for another device, " + device->text());
  }
  const CustomerId& customer = std::get<CustomerId>(envelope.target);
  if (audience.customer == customer) return {};
  return refuse(Reason::kOtherDevice, "plan: made for another customer, " + customer.text());
}

/// Newer than the plan held, or the first of its kind.
std::expected<void, PlanRefusal> check_newer(const SignedEnvelope& offered,
                                             const AcceptedPlan* held) {
  if (held == nullptr) return {};
  const bool offered_for_customer = std::holds_alternative<CustomerId>(offered.envelope.target);
  if (for_customer(*held) != offered_for_customer) {
    if (!offered_for_customer) return {};
    return refuse(Reason::kLessSpecific,
                  "plan: made for the whole customer, and this device has a plan of its own");
  }
  const std::uint64_t version = offered.envelope.version;
  const std::uint64_t held_version = held->envelope.version;
  if (version > held_version) return {};
  if (version < held_version) {
    return refuse(Reason::kOlderVersion, "plan: version " + std::to_string(version) +
                                             " is older than the one held, " +
                                             std::to_string(held_version));
  }
  if (offered.hash == held->hash) return {};
  return refuse(Reason::kSameVersion, "plan: version " + std::to_string(version) +
                                          " is held already with other content, sign it again "
                                          "with a higher version");
}

std::string list_of(const std::vector<plan::ChangeReason>& changes) {
  std::string text;
  for (const plan::ChangeReason& change : changes) {
    if (!text.empty()) text += "; ";
    text += std::string(plan::to_string(change.kind)) + " (" + change.detail + ")";
  }
  return text;
}

/// Two people, told apart by key and by name: one person with two keys is one person.
bool two_people(const AcceptedPlan& plan) {
  const std::set<std::string> names(plan.operators.begin(), plan.operators.end());
  return names.size() >= 2;
}

std::expected<void, PlanRefusal> check_danger(const AcceptedPlan& offered, Instant now,
                                              GateSide side) {
  if (offered.changes.empty()) return {};
  const std::string what = list_of(offered.changes);
  if (!two_people(offered)) {
    return refuse(Reason::kNeedsTwoOperators, "plan: two operators must sign this change: " + what,
                  offered.changes);
  }
  const std::optional<Instant>& effective = offered.envelope.effective;
  if (!effective || *effective < offered.envelope.issued + kDangerousChangeDelay) {
    return refuse(Reason::kNeedsDelay,
                  "plan: must take effect at least 72 hours after it was issued: " + what,
                  offered.changes);
  }
  if (side == GateSide::kCluster && *effective < now + kDangerousChangeDelay - kPublishGrace) {
    return refuse(Reason::kNeedsDelay,
                  "plan: published too late for its 72 hours, sign it again: " + what,
                  offered.changes);
  }
  return {};
}

std::expected<AcceptedPlan, PlanRefusal> judge(SignedEnvelope&& offered, std::string_view document,
                                               const TrustChain& trust,
                                               const PlanAudience& audience,
                                               const AcceptedPlan* in_force,
                                               const AcceptedPlan* pending, Instant now,
                                               GateSide side) {
  TRY(check_target(offered.envelope, trust, audience));
  ASSIGN_OR_RETURN(std::vector<std::string> operators, signed_by(offered, trust, now));
  TRY(check_newer(offered, in_force));
  TRY(check_newer(offered, pending));
  if (now >= offered.envelope.expires) {
    return refuse(Reason::kExpiredPlan, "plan: expired on " +
                                            format_time(offered.envelope.expires) +
                                            " before it was accepted, sign it again");
  }
  Result<model::Plan> plan = plan::parse_plan(offered.envelope.plan);
  if (!plan) return refuse(Reason::kMalformedPlan, plan.error().message);

  AcceptedPlan accepted;
  accepted.plan = std::move(*plan);
  if (in_force != nullptr) {
    accepted.changes = plan::plan_change_risk(in_force->plan, accepted.plan);
  }
  accepted.effective_at = std::max(now, offered.envelope.effective.value_or(now));
  accepted.envelope = std::move(offered.envelope);
  accepted.hash = offered.hash;
  accepted.operators = std::move(operators);
  accepted.accepted_at = now;
  accepted.document = document;
  TRY(check_danger(accepted, now, side));
  return accepted;
}

ordered_json plan_state(const std::optional<AcceptedPlan>& plan) {
  if (!plan) return nullptr;
  return {{"document", plan->document},
          {"accepted_at", format_time_micro(plan->accepted_at)},
          {"effective_at", format_time_micro(plan->effective_at)},
          {"operators", plan->operators}};
}

Result<std::optional<AcceptedPlan>> read_plan_state(const json& value) {
  if (value.is_null()) return std::nullopt;
  Fields fields(value, kStateSchema, {"document", "accepted_at", "effective_at", "operators"});
  AcceptedPlan plan;
  const json& document = fields.member("document");
  if (!document.is_string()) fields.reject("document", "must be text");
  plan.accepted_at = fields.time("accepted_at");
  plan.effective_at = fields.time("effective_at");
  const json& operators = fields.member("operators");
  if (!operators.is_array()) fields.reject("operators", "must be an array");
  TRY(fields.finish());
  for (const json& name : operators) {
    if (name.is_string()) plan.operators.push_back(name.get<std::string>());
  }
  plan.document = document.get<std::string>();
  ASSIGN_OR_RETURN(SignedEnvelope envelope, read_envelope(plan.document));
  plan.envelope = std::move(envelope.envelope);
  plan.hash = envelope.hash;
  ASSIGN_OR_RETURN(plan.plan, plan::parse_plan(plan.envelope.plan));
  return plan;
}

}  // namespace

std::string_view to_string(PlanRefusalReason reason) {
  switch (reason) {
    case Reason::kMalformedEnvelope:
      return "malformed-envelope";
    case Reason::kBadSignature:
      return "bad-signature";
    case Reason::kUnsigned:
      return "unsigned";
    case Reason::kForeignPartner:
      return "foreign-partner";
    case Reason::kUnknownOperator:
      return "unknown-operator";
    case Reason::kRevokedOperator:
      return "revoked-operator";
    case Reason::kExpiredOperator:
      return "expired-operator";
    case Reason::kRoleMissing:
      return "role-missing";
    case Reason::kTrustListExpired:
      return "trust-list-expired";
    case Reason::kOtherDevice:
      return "other-device";
    case Reason::kLessSpecific:
      return "less-specific";
    case Reason::kOlderVersion:
      return "older-version";
    case Reason::kSameVersion:
      return "same-version";
    case Reason::kExpiredPlan:
      return "expired-plan";
    case Reason::kMalformedPlan:
      return "malformed-plan";
    case Reason::kNeedsTwoOperators:
      return "needs-two-operators";
    case Reason::kNeedsDelay:
      return "needs-delay";
  }
  return "unknown";
}

Error PlanRefusal::error() const {
  const bool malformed = reason == Reason::kMalformedEnvelope || reason == Reason::kMalformedPlan;
  return Error{malformed ? ErrorKind::kInvalidInput : ErrorKind::kRefused, message};
}

std::expected<AcceptedPlan, PlanRefusal> judge_plan(
    std::string_view document, const TrustChain& trust, const PlanAudience& audience,
    const AcceptedPlan* in_force, const AcceptedPlan* pending, Instant now, GateSide side) {
  Result<SignedEnvelope> offered = read_envelope(document);
  if (!offered) return refuse(reason_of(offered.error()), offered.error().message);
  return judge(std::move(*offered), document, trust, audience, in_force, pending, now, side);
}

Result<PlanGate> PlanGate::from_state(const PlanAudience& audience, std::string_view json_text,
                                      GateSide side) {
  const auto corrupt = [](Error&& error) {
    return fail(ErrorKind::kCorrupt, "stored plan: " + error.message);
  };
  Result<json> value = parse_payload(json_text, kStateSchema);
  if (!value) return corrupt(std::move(value).error());
  Fields fields(*value, kStateSchema, {"schema", "in_force", "pending"});
  if (Result<void> read = fields.finish(); !read) return corrupt(std::move(read).error());
  PlanGate gate(audience, side);
  Result<std::optional<AcceptedPlan>> in_force = read_plan_state((*value)["in_force"]);
  if (!in_force) return corrupt(std::move(in_force).error());
  Result<std::optional<AcceptedPlan>> pending = read_plan_state((*value)["pending"]);
  if (!pending) return corrupt(std::move(pending).error());
  gate.in_force_ = std::move(*in_force);
  gate.pending_ = std::move(*pending);
  if (gate.in_force_ && gate.pending_) {
    gate.pending_->changes = plan::plan_change_risk(gate.in_force_->plan, gate.pending_->plan);
  }
  return gate;
}

std::string PlanGate::state() const {
  const ordered_json value = {{"schema", kStateSchema},
                              {"in_force", plan_state(in_force_)},
                              {"pending", plan_state(pending_)}};
  return value.dump();
}

std::expected<PlanGate::Outcome, PlanRefusal> PlanGate::offer(std::string_view document,
                                                              const TrustChain& trust,
                                                              Instant now) {
  advance(now);
  Result<SignedEnvelope> offered = read_envelope(document);
  if (!offered) return refuse(reason_of(offered.error()), offered.error().message);
  // Delivered again: neither its expiry nor its signer's may turn a plan held into an alert.
  if ((in_force_ && in_force_->hash == offered->hash) ||
      (pending_ && pending_->hash == offered->hash)) {
    return Outcome::kRepeated;
  }
  ASSIGN_OR_RETURN(AcceptedPlan accepted, judge(std::move(*offered), document, trust, audience_,
                                                in_force(), pending(), now, side_));
  // The newer plan stands for what the partner wants now, so that it also takes back one that
  // waits.
  pending_ = std::move(accepted);
  return advance(now) ? Outcome::kInForce : Outcome::kPending;
}

bool PlanGate::advance(Instant now) {
  if (!pending_ || now < pending_->effective_at) return false;
  in_force_ = std::move(pending_);
  pending_.reset();
  return true;
}

}  // namespace obhut::trust
