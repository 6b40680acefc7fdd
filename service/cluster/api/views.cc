#include "service/cluster/api/views.h"

#include <nlohmann/json.hpp>

#include "agent/base/time_text.h"

namespace obhut::cluster::api {
namespace {

using nlohmann::json;

json maybe(const std::optional<Instant>& at) {
  return at ? json(format_time(*at)) : json(nullptr);
}

json maybe(const std::optional<DeviceId>& id) {
  return id ? json(id->text()) : json(nullptr);
}

}  // namespace

json person_json(const Person& person) {
  json view = {{"id", person.id.text()},
               {"email", person.email},
               {"role", to_string(person.role)},
               {"created", format_time(person.created)}};
  if (person.partner) view["partner"] = person.partner->text();
  return view;
}

json partner_json(const Partner& partner) {
  return {{"id", partner.id.text()},
          {"name", partner.name},
          {"currency", partner.currency},
          {"root", partner.root.text()},
          {"trust_serial", partner.trust_serial},
          {"created", format_time(partner.created)}};
}

json customer_json(const Customer& customer) {
  return {{"id", customer.id.text()},  {"partner", customer.partner.text()},
          {"number", customer.number}, {"name", customer.name},
          {"mode", customer.mode},     {"created", format_time(customer.created)}};
}

json registration_json(const Registration& token) {
  return {{"hash", token.hash.text()},
          {"kind", token.kind},
          {"uses", token.uses},
          {"used", token.used},
          {"created", format_time(token.created)},
          {"expires", format_time(token.expires)},
          {"revoked", maybe(token.revoked)},
          {"replaces", maybe(token.replaces)}};
}

json device_json(const Device& device) {
  return {{"id", device.id.text()},
          {"customer", device.customer.text()},
          {"partner", device.partner.text()},
          {"workload", device.workload.text()},
          {"key", device.key.text()},
          {"kind", device.kind},
          {"state", device.removed      ? "removed"
                    : device.superseded ? "superseded"
                                        : "active"},
          {"enrolled", format_time(device.enrolled)},
          {"last_seen", format_time(device.last_seen)},
          {"activated", format_time(device.activated)},
          {"activation_clock", device.activation_clock},
          {"removed", maybe(device.removed)},
          {"replaced_by", maybe(device.replaced_by)},
          {"cloned", device.clone.has_value()}};
}

json vault_json(const Vault& vault) {
  return {{"id", vault.id.text()},
          {"device", vault.device.text()},
          {"customer", vault.customer.text()},
          {"location", billing::to_string(vault.location)},
          {"created", format_time(vault.created)},
          {"head_sequence", vault.head_sequence},
          {"head", vault.head_sequence == 0 ? json(nullptr) : json(vault.head.text())},
          {"stored_bytes", vault.level},
          {"recoverable", vault.recoverable},
          {"retention_held", maybe(vault.hold)},
          {"hold_reason", vault.hold_reason}};
}

json point_json(const Point& point) {
  return {{"sequence", point.sequence},
          {"sha256", point.hash.text()},
          {"size", point.size},
          {"created", format_time(point.created)},
          {"received", format_time(point.received)},
          {"locked_until", format_time(point.locked_until)},
          {"state", point.state},
          {"new_bytes", point.new_bytes},
          {"total_bytes", point.total_bytes},
          {"receipt", point.receipt}};
}

json plan_json(const PublishedPlan& plan) {
  return {{"version", plan.version},
          {"envelope", plan.document},
          {"received", format_time(plan.received)},
          {"pending", plan.pending}};
}

json grant_json(const PublishedGrant& published) {
  const trust::RestoreGrant& grant = published.grant;
  return {{"id", grant.id.text()},
          {"device", grant.device.text()},
          {"vault", grant.vault ? json(grant.vault->text()) : json(nullptr)},
          {"scope", trust::scope_texts(grant)},
          {"account", grant.account ? json(*grant.account) : json(nullptr)},
          {"destination", grant.destination.text()},
          {"not_before", format_time(grant.not_before)},
          {"expires", format_time(grant.expires)},
          {"reason", grant.reason},
          {"signer", published.signer.text()},
          {"document", published.document},
          {"received", format_time(published.received)},
          {"fetched", maybe(published.fetched)},
          {"revoked", maybe(published.revoked)}};
}

json activity_json(const Activity& activity) {
  json view = {{"id", activity.id},
               {"kind", activity.kind},
               {"started", format_time(activity.started)},
               {"finished", maybe(activity.finished)},
               {"outcome", activity.outcome},
               {"counts", json::parse(activity.counts, nullptr, false)},
               {"received", format_time(activity.received)}};
  if (!activity.grant.empty()) view["grant"] = json::parse(activity.grant, nullptr, false);
  return view;
}

json alert_json(const Alert& alert) {
  return {{"id", alert.id},
          {"code", alert.code},
          {"severity", alert.severity},
          {"since", format_time(alert.since)},
          {"cleared", maybe(alert.cleared)},
          {"raised_by", alert.raised_by}};
}

json webhook_json(const Webhook& webhook) {
  return {{"id", webhook.id.text()},
          {"url", webhook.url},
          {"events", webhook.events},
          {"threshold_bytes", webhook.threshold_bytes},
          {"created", format_time(webhook.created)},
          {"disabled", maybe(webhook.disabled)}};
}

json delivery_json(const Delivery& delivery) {
  return {{"id", delivery.id.text()},
          {"type", delivery.type},
          {"event", delivery.event_id},
          {"created", format_time(delivery.created)},
          {"attempts", delivery.attempts},
          {"next_attempt", maybe(delivery.next_attempt)},
          {"delivered", maybe(delivery.delivered)},
          {"given_up", maybe(delivery.given_up)},
          {"last_error", delivery.last_error}};
}

}  // namespace obhut::cluster::api
