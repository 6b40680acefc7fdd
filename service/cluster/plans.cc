#include "service/cluster/plans.h"

#include "agent/trust/plan_gate.h"
#include "service/cluster/tenants.h"

namespace obhut::cluster {
namespace {

std::string text_of(const trust::PlanTarget& target) {
  return std::visit([](const auto& id) { return id.text(); }, target);
}

struct Stored {
  std::uint64_t version = 0;
  std::string document;
  Instant received{};
  trust::PlanGate gate;
};

Answer<std::optional<Stored>> load(sql::Session& session, const std::string& target,
                                   const trust::PlanAudience& audience) {
  ASSIGN_OR_RETURN(const std::optional<sql::Row> row,
                   session.query_one("SELECT version, document, received, gate FROM plan_gates"
                                     " WHERE target = :target",
                                     {{"target", target}}));
  if (!row) return std::optional<Stored>{};
  ASSIGN_OR_RETURN(trust::PlanGate gate,
                   trust::PlanGate::from_state(audience, row->text(3), trust::GateSide::kCluster));
  return std::optional(Stored{row->count(0), row->text(1), row->instant(2), std::move(gate)});
}

struct Scope {
  CustomerId customer;
  PartnerId partner;
  trust::PlanAudience audience;
};

Answer<Scope> scope_of(sql::Session& session, const trust::PlanTarget& target) {
  if (const auto* device_id = std::get_if<DeviceId>(&target)) {
    ASSIGN_OR_RETURN(const Device device, find_device(session, *device_id));
    if (device.removed) return not_found("device");
    return Scope{device.customer, device.partner, {device.id, device.customer}};
  }
  ASSIGN_OR_RETURN(const Customer customer, find_customer(session, std::get<CustomerId>(target)));
  if (customer.deleted) return not_found("customer");
  return Scope{customer.id, customer.partner, {std::nullopt, customer.id}};
}

/// Devices take plans by version alone, so that a device's own plan must be newer than the
/// customer's that it replaces.
Answer<void> check_newer_than_customers(sql::Session& session, const CustomerId& customer,
                                        std::uint64_t version) {
  ASSIGN_OR_RETURN(const std::optional<sql::Row> row,
                   session.query_one("SELECT version FROM plan_gates WHERE target = :target",
                                     {{"target", customer}}));
  if (row && version <= row->count(0)) {
    return refuse(409, "older-version",
                  "the customer's plan has version " + std::to_string(row->count(0)) +
                      ": a device's own needs a higher one");
  }
  return {};
}

Refusal refusal_of(const trust::PlanRefusal& refused) {
  using Reason = trust::PlanRefusalReason;
  int status = 403;
  if (refused.error().kind == ErrorKind::kInvalidInput) status = 422;
  if (refused.reason == Reason::kOlderVersion || refused.reason == Reason::kSameVersion)
    status = 409;
  return {status, std::string(trust::to_string(refused.reason)), refused.message};
}

}  // namespace

std::string plan_topic(const CustomerId& customer) {
  return "plans " + customer.text();
}

std::string trust_topic(const PartnerId& partner) {
  return "trust " + partner.text();
}

Answer<std::optional<model::Retention>> retention_of(sql::Session& session, const DeviceId& device,
                                                     const CustomerId& customer, Instant now) {
  ASSIGN_OR_RETURN(std::optional<Stored> stored, load(session, device.text(), {device, customer}));
  if (!stored || stored->gate.in_force() == nullptr) {
    if (stored) stored->gate.advance(now);
    if (!stored || stored->gate.in_force() == nullptr) {
      ASSIGN_OR_RETURN(stored, load(session, customer.text(), {std::nullopt, customer}));
    }
  }
  if (!stored) return std::optional<model::Retention>{};
  stored->gate.advance(now);
  const trust::AcceptedPlan* plan = stored->gate.in_force();
  if (plan == nullptr) return std::optional<model::Retention>{};
  for (const model::Target& target : plan->plan.targets) {
    if (target.type == model::TargetType::kCluster) return std::optional(target.retention);
  }
  return std::optional<model::Retention>{};
}

Answer<PublishedPlan> PlanRegistry::publish(const trust::PlanTarget& target,
                                            std::string_view document) {
  const Instant now = clock_.now();
  return database_.write([&](sql::Session& session) -> Answer<PublishedPlan> {
    ASSIGN_OR_RETURN(const Scope scope, scope_of(session, target));
    ASSIGN_OR_RETURN(const trust::TrustChain chain, load_trust(session, scope.partner));
    ASSIGN_OR_RETURN(std::optional<Stored> stored, load(session, text_of(target), scope.audience));
    trust::PlanGate gate = stored ? std::move(stored->gate)
                                  : trust::PlanGate(scope.audience, trust::GateSide::kCluster);
    gate.advance(now);
    const auto outcome = gate.offer(document, chain, now);
    if (!outcome) return std::unexpected(refusal_of(outcome.error()));
    ASSIGN_OR_RETURN(const trust::SignedEnvelope envelope, trust::read_envelope(document));
    // The gate lets a device take its customer's plan; published, it has one place alone.
    if (envelope.envelope.target != target) {
      return refuse(422, "other-device", "the plan is for another device or customer");
    }
    PublishedPlan published{envelope.envelope.version, std::string(document), now,
                            *outcome == trust::PlanGate::Outcome::kPending,
                            *outcome == trust::PlanGate::Outcome::kRepeated};
    if (published.repeated) return published;
    if (std::holds_alternative<DeviceId>(target)) {
      TRY(check_newer_than_customers(session, scope.customer, published.version));
    }
    TRY(
        session.exec("INSERT INTO plan_gates (target, customer, version, document, gate, received)"
                     " VALUES (:target, :customer, :version, :document, :gate, :received)"
                     " ON CONFLICT (target) DO UPDATE SET version = excluded.version,"
                     " document = excluded.document, gate = excluded.gate,"
                     " received = excluded.received",
                     {{"target", text_of(target)},
                      {"customer", scope.customer},
                      {"version", published.version},
                      {"document", published.document},
                      {"gate", gate.state()},
                      {"received", now}}));
    TRY(changes_.announce(session, plan_topic(scope.customer)));
    return published;
  });
}

Answer<PublishedPlan> PlanRegistry::current(const trust::PlanTarget& target) {
  return database_.read([&](sql::Session& session) -> Answer<PublishedPlan> {
    ASSIGN_OR_RETURN(const Scope scope, scope_of(session, target));
    ASSIGN_OR_RETURN(std::optional<Stored> stored, load(session, text_of(target), scope.audience));
    if (!stored) return refuse(404, "no-plan", "no plan was published for this");
    stored->gate.advance(clock_.now());
    return PublishedPlan{stored->version, stored->document, stored->received,
                         stored->gate.pending() != nullptr, false};
  });
}

Answer<std::optional<PlanDelivery>> PlanRegistry::newer(const Device& device, std::uint64_t after,
                                                        std::optional<std::uint64_t> trust_serial) {
  return database_.read([&](sql::Session& session) -> Answer<std::optional<PlanDelivery>> {
    ASSIGN_OR_RETURN(std::optional<Stored> stored,
                     load(session, device.id.text(), {device.id, device.customer}));
    if (!stored) {
      ASSIGN_OR_RETURN(stored,
                       load(session, device.customer.text(), {std::nullopt, device.customer}));
    }
    if (!stored) return std::optional<PlanDelivery>{};
    ASSIGN_OR_RETURN(const trust::TrustChain chain, load_trust(session, device.partner));
    // The one in force first: a device that enrolled just now must not wait for the pending one.
    const trust::AcceptedPlan* newest = nullptr;
    for (const trust::AcceptedPlan* plan : {stored->gate.in_force(), stored->gate.pending()}) {
      if (plan == nullptr) continue;
      if (plan->envelope.version > after) {
        return std::optional(
            PlanDelivery{plan->envelope.version, plan->document, chain.document()});
      }
      newest = plan;
    }
    if (newest != nullptr && trust_serial && chain.serial() > *trust_serial) {
      return std::optional(
          PlanDelivery{newest->envelope.version, newest->document, chain.document()});
    }
    return std::optional<PlanDelivery>{};
  });
}

}  // namespace obhut::cluster
