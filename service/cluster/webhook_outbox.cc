#include "service/cluster/webhook_outbox.h"

#include <algorithm>
#include <sstream>

#include "agent/base/check.h"
#include "agent/base/time_text.h"
#include "agent/crypto/random.h"

namespace obhut::cluster {
namespace {

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

}  // namespace

const std::vector<std::string_view>& webhook_events() {
  static const std::vector<std::string_view> kEvents = {kMonthClosedEvent, kStorageMaximumEvent,
                                                        kTrialConvertedEvent};
  return kEvents;
}

bool Webhook::wants(std::string_view type) const {
  return !disabled && std::ranges::find(events, type) != events.end();
}

Result<std::vector<Webhook>> webhooks_of(sql::Session& session, const PartnerId& partner) {
  ASSIGN_OR_RETURN(const sql::Rows rows,
                   session.query("SELECT id, partner, url, events, threshold_bytes, created,"
                                 " disabled FROM webhooks WHERE partner = :partner"
                                 " ORDER BY created, id",
                                 {{"partner", partner}}));
  std::vector<Webhook> hooks;
  for (const sql::Row& row : rows) {
    hooks.push_back({row.id<WebhookId>(0), row.id<PartnerId>(1), row.text(2), words_of(row.text(3)),
                     row.count(4), row.instant(5), row.maybe_instant(6)});
  }
  return hooks;
}

Result<void> announce(sql::Session& session, const PartnerId& partner, std::string_view type,
                      std::string_view event_id, std::string_view data_json, Instant now) {
  ASSIGN_OR_RETURN(const std::vector<Webhook> hooks, webhooks_of(session, partner));
  for (const Webhook& hook : hooks) {
    if (hook.wants(type)) TRY(announce_to(session, hook.id, type, event_id, data_json, now));
  }
  return {};
}

Result<void> announce_to(sql::Session& session, const WebhookId& webhook, std::string_view type,
                         std::string_view event_id, std::string_view data_json, Instant now) {
  // It is a part of what is signed, whose parts a point divides.
  CHECK(std::ranges::all_of(event_id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  }));
  const std::string body = "{\"type\":\"" + std::string(type) + "\",\"id\":\"" +
                           std::string(event_id) + "\",\"timestamp\":\"" + format_time(now) +
                           "\",\"data\":" + std::string(data_json) + "}";
  TRY(session.exec(
      "INSERT INTO webhook_deliveries (id, webhook, type, event_id, body, created, asked,"
      " next_attempt) VALUES (:id, :webhook, :type, :event_id, :body, :now, :now, :now)"
      " ON CONFLICT (webhook, event_id) DO NOTHING",
      {{"id", crypto::random_id<DeliveryId>()},
       {"webhook", webhook},
       {"type", type},
       {"event_id", event_id},
       {"body", body},
       {"now", now}}));
  return {};
}

}  // namespace obhut::cluster
