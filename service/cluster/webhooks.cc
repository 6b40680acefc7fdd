#include "service/cluster/webhooks.h"

#include <algorithm>
#include <set>

#include "agent/crypto/kdf.h"
#include "agent/crypto/random.h"
#include "service/cluster/webhook_signature.h"

namespace obhut::cluster {
namespace {

constexpr std::string_view kDeliveryColumns =
    "SELECT id, type, event_id, created, attempts, next_attempt, delivered, given_up, last_error"
    " FROM webhook_deliveries ";

Delivery delivery_of(const sql::Row& row) {
  return {row.id<DeliveryId>(0), row.text(1),          row.text(2),
          row.instant(3),        row.count(4),         row.maybe_instant(5),
          row.maybe_instant(6),  row.maybe_instant(7), row.text(8)};
}

Answer<Webhook> find_webhook(sql::Session& session, const PartnerId& partner, const WebhookId& id) {
  ASSIGN_OR_RETURN(const std::vector<Webhook> hooks, webhooks_of(session, partner));
  const auto found = std::ranges::find(hooks, id, &Webhook::id);
  if (found == hooks.end()) return not_found("webhook");
  return *found;
}

Answer<void> check_enabled(const Webhook& hook) {
  if (!hook.disabled) return {};
  return refuse(409, "webhook-disabled",
                "its receiver has answered 410, that it is gone: delete the webhook, and make a"
                " new one");
}

/// `condition` names one at most, by :value.
Answer<std::optional<Delivery>> find_delivery(sql::Session& session, const WebhookId& webhook,
                                              std::string_view condition, const sql::Value& value) {
  ASSIGN_OR_RETURN(const sql::Rows rows,
                   session.query(std::string(kDeliveryColumns) + "WHERE webhook = :webhook AND " +
                                     std::string(condition),
                                 {{"webhook", webhook}, {"value", value}}));
  if (rows.empty()) return std::optional<Delivery>{};
  return delivery_of(rows.front());
}

}  // namespace

Webhooks::Webhooks(sql::Database& database, const Clock& clock, crypto::SecretBytes secret,
                   outgoing::AddressPolicy addresses, outgoing::Resolve resolve)
    : database_(database),
      clock_(clock),
      secret_(std::move(secret)),
      addresses_(std::move(addresses)),
      resolve_(std::move(resolve)) {}

crypto::SecretBytes Webhooks::key_of(const WebhookId& id) const {
  return crypto::hkdf_sha256(secret_.view(), as_bytes("webhook"), as_bytes(id.text()), 32);
}

std::string Webhooks::secret_of(const WebhookId& id) const {
  return webhook_secret(key_of(id).view());
}

Answer<std::string> Webhooks::check_url(std::string_view url) {
  const auto target = outgoing::parse_target(url);
  if (!target) return refuse(422, "webhook-address", target.error().message);
  if (!lookups_.try_acquire()) {
    return refuse(503, "busy", "other addresses are looked up just now: ask again");
  }
  const auto checked = outgoing::check_target(*target, addresses_, resolve_);
  lookups_.release();
  if (!checked) return refuse(422, "webhook-address", checked.error().message);
  return target->url;
}

Answer<Webhook> Webhooks::add(const PartnerId& partner, std::string_view url,
                              const std::vector<std::string>& events,
                              std::uint64_t threshold_bytes) {
  const std::set<std::string> wanted(events.begin(), events.end());
  std::string known;
  std::string words;
  for (const std::string_view event : webhook_events()) {
    known += (known.empty() ? "" : ", ") + std::string(event);
    if (wanted.contains(std::string(event)))
      words += (words.empty() ? "" : " ") + std::string(event);
  }
  const auto is_known = [](const std::string& event) {
    return std::ranges::find(webhook_events(), event) != webhook_events().end();
  };
  if (wanted.empty() || !std::ranges::all_of(wanted, is_known)) {
    return refuse(422, "invalid-request", "\"events\" must be some of " + known);
  }
  const WebhookId id = crypto::random_id<WebhookId>();
  const Instant now = clock_.now();
  return database_.write([&](sql::Session& session) -> Answer<Webhook> {
    ASSIGN_OR_RETURN(const std::vector<Webhook> hooks, webhooks_of(session, partner));
    if (hooks.size() >= kMostOfPartner) {
      return refuse(409, "too-many-webhooks",
                    "a partner has at most " + std::to_string(kMostOfPartner) + " webhooks");
    }
    TRY(
        session.exec("INSERT INTO webhooks (id, partner, url, events, threshold_bytes, created)"
                     " VALUES (:id, :partner, :url, :events, :threshold_bytes, :created)",
                     {{"id", id},
                      {"partner", partner},
                      {"url", url},
                      {"events", words},
                      {"threshold_bytes", threshold_bytes},
                      {"created", now}}));
    return find_webhook(session, partner, id);
  });
}

Answer<std::vector<Webhook>> Webhooks::all(const PartnerId& partner) {
  return database_.read([&](sql::Session& session) -> Answer<std::vector<Webhook>> {
    ASSIGN_OR_RETURN(std::vector<Webhook> hooks, webhooks_of(session, partner));
    return hooks;
  });
}

Answer<Webhook> Webhooks::webhook(const PartnerId& partner, const WebhookId& id) {
  return database_.read([&](sql::Session& session) { return find_webhook(session, partner, id); });
}

Answer<void> Webhooks::remove(const PartnerId& partner, const WebhookId& id) {
  return database_.write([&](sql::Session& session) -> Answer<void> {
    TRY(find_webhook(session, partner, id));
    for (const char* table : {"webhook_deliveries", "webhook_maxima"}) {
      TRY(session.exec(std::string("DELETE FROM ") + table + " WHERE webhook = :id", {{"id", id}}));
    }
    TRY(session.exec("DELETE FROM webhooks WHERE id = :id", {{"id", id}}));
    return {};
  });
}

Answer<Delivery> Webhooks::ping(const PartnerId& partner, const WebhookId& id) {
  const Instant now = clock_.now();
  return database_.write([&](sql::Session& session) -> Answer<Delivery> {
    ASSIGN_OR_RETURN(const Webhook hook, find_webhook(session, partner, id));
    TRY(check_enabled(hook));
    ASSIGN_OR_RETURN(
        const std::optional<Delivery> open,
        find_delivery(session, id, "type = :value AND next_attempt IS NOT NULL", kPingEvent));
    if (open) return *open;
    const std::string event = "ping-" + crypto::random_id<DeliveryId>().text();
    TRY(announce_to(session, id, kPingEvent, event, "{}", now));
    ASSIGN_OR_RETURN(const std::optional<Delivery> made,
                     find_delivery(session, id, "event_id = :value", event));
    return *made;
  });
}

Answer<std::vector<Delivery>> Webhooks::deliveries(const PartnerId& partner, const WebhookId& id) {
  return database_.read([&](sql::Session& session) -> Answer<std::vector<Delivery>> {
    TRY(find_webhook(session, partner, id));
    ASSIGN_OR_RETURN(const sql::Rows rows,
                     session.query(std::string(kDeliveryColumns) +
                                       "WHERE webhook = :webhook ORDER BY created DESC, id"
                                       " LIMIT :limit",
                                   {{"webhook", id}, {"limit", kDeliveriesShown}}));
    std::vector<Delivery> deliveries;
    for (const sql::Row& row : rows) deliveries.push_back(delivery_of(row));
    return deliveries;
  });
}

Answer<Delivery> Webhooks::again(const PartnerId& partner, const WebhookId& id,
                                 const DeliveryId& delivery) {
  const Instant now = clock_.now();
  return database_.write([&](sql::Session& session) -> Answer<Delivery> {
    ASSIGN_OR_RETURN(const Webhook hook, find_webhook(session, partner, id));
    TRY(check_enabled(hook));
    TRY(
        session.exec("UPDATE webhook_deliveries SET asked = :now, next_attempt = :now,"
                     " attempts = 0, delivered = NULL, given_up = NULL, last_error = ''"
                     " WHERE webhook = :webhook AND id = :id",
                     {{"now", now}, {"webhook", id}, {"id", delivery}}));
    ASSIGN_OR_RETURN(const std::optional<Delivery> found,
                     find_delivery(session, id, "id = :value", delivery));
    if (!found) return not_found("delivery");
    return *found;
  });
}

}  // namespace obhut::cluster
