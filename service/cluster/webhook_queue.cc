#include "service/cluster/webhook_queue.h"

#include <algorithm>
#include <random>

#include "agent/crypto/random.h"

namespace obhut::cluster {
namespace {

struct DueHook {
  WebhookId id;
  PartnerId partner;
  std::string url;
};

/// In no order: one partner's thousand must not always come before another's first.
Result<std::vector<DueHook>> due_hooks(sql::Session& session, Instant now) {
  ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.query("SELECT webhooks.id, partner, url FROM webhooks WHERE disabled IS NULL"
                    " AND EXISTS (SELECT 1 FROM webhook_deliveries"
                    " WHERE webhook = webhooks.id AND next_attempt IS NOT NULL"
                    " AND next_attempt <= :now)",
                    {{"now", now}}));
  std::vector<DueHook> hooks;
  for (const sql::Row& row : rows) {
    hooks.push_back({row.id<WebhookId>(0), row.id<PartnerId>(1), row.text(2)});
  }
  std::uint32_t seed = 0;
  crypto::fill_random({reinterpret_cast<std::uint8_t*>(&seed), sizeof seed});
  std::ranges::shuffle(hooks, std::minstd_rand(seed));
  return hooks;
}

std::size_t rest(std::size_t most, std::size_t taken) {
  return most - std::min(most, taken);
}

}  // namespace

Result<std::vector<WebhookAttempt>> WebhookQueue::take(const WebhookLoad& before) {
  if (before.all >= kAtOnce) return std::vector<WebhookAttempt>{};
  const Instant now = clock_.now();
  // Most of the time there is nothing, which a reader finds out without keeping anybody.
  ASSIGN_OR_RETURN(const std::vector<DueHook> any,
                   database_.read([&](sql::Session& session) { return due_hooks(session, now); }));
  if (any.empty()) return std::vector<WebhookAttempt>{};
  return database_.write([&](sql::Session& session) -> Result<std::vector<WebhookAttempt>> {
    WebhookLoad load = before;
    std::vector<WebhookAttempt> attempts;
    ASSIGN_OR_RETURN(const std::vector<DueHook> hooks, due_hooks(session, now));
    for (const DueHook& hook : hooks) {
      std::size_t& of_partner = load.of_partner[hook.partner];
      const std::size_t most =
          std::min({rest(kAtOnce, load.all), rest(kAtOnceOfPartner, of_partner),
                    rest(kAtOnceOfWebhook, load.of_webhook[hook.id])});
      if (most == 0) continue;
      ASSIGN_OR_RETURN(const sql::Rows rows,
                       session.query("SELECT id, event_id, body, attempts, asked"
                                     " FROM webhook_deliveries WHERE webhook = :webhook"
                                     " AND next_attempt IS NOT NULL AND next_attempt <= :now"
                                     " ORDER BY next_attempt, id LIMIT :most",
                                     {{"webhook", hook.id}, {"now", now}, {"most", most}}));
      for (const sql::Row& row : rows) {
        attempts.push_back({row.id<DeliveryId>(0), hook.id, hook.partner, hook.url, row.text(1),
                            row.text(2), static_cast<unsigned>(row.count(3)) + 1, row.instant(4)});
        TRY(
            session.exec("UPDATE webhook_deliveries SET attempts = :number, next_attempt = :until"
                         " WHERE id = :id",
                         {{"number", attempts.back().number},
                          {"until", now + kLease},
                          {"id", attempts.back().delivery}}));
      }
      load.all += rows.size();
      of_partner += rows.size();
    }
    return attempts;
  });
}

Result<void> WebhookQueue::delivered(const WebhookAttempt& attempt) {
  return database_.write([&](sql::Session& session) -> Result<void> {
    TRY(
        session.exec("UPDATE webhook_deliveries SET delivered = :now, next_attempt = NULL,"
                     " given_up = NULL, last_error = '' WHERE id = :id",
                     {{"now", clock_.now()}, {"id", attempt.delivery}}));
    return {};
  });
}

// An attempt whose lease was over may end after the next one: then it has nothing more to say.
Result<void> WebhookQueue::failed(const WebhookAttempt& attempt, std::string_view error,
                                  double chance) {
  const Instant now = clock_.now();
  const Instant next = now + backoff_delay(kBackoff, attempt.number, chance);
  const bool spent = next > attempt.asked + kLongest;
  return database_.write([&](sql::Session& session) -> Result<void> {
    TRY(
        session.exec("UPDATE webhook_deliveries SET next_attempt = :next, given_up = :given_up,"
                     " last_error = :error WHERE id = :id AND attempts = :number"
                     " AND asked = :asked AND delivered IS NULL",
                     {{"next", spent ? sql::Value() : sql::Value(next)},
                      {"given_up", spent ? sql::Value(now) : sql::Value()},
                      {"error", error},
                      {"id", attempt.delivery},
                      {"number", attempt.number},
                      {"asked", attempt.asked}}));
    return {};
  });
}

Result<void> WebhookQueue::gone(const WebhookAttempt& attempt) {
  const Instant now = clock_.now();
  return database_.write([&](sql::Session& session) -> Result<void> {
    TRY(session.exec("UPDATE webhooks SET disabled = :now WHERE id = :id AND disabled IS NULL",
                     {{"now", now}, {"id", attempt.webhook}}));
    TRY(
        session.exec("UPDATE webhook_deliveries SET next_attempt = NULL, given_up = :now,"
                     " last_error = 'answered 410: the webhook is disabled'"
                     " WHERE webhook = :webhook AND next_attempt IS NOT NULL",
                     {{"now", now}, {"webhook", attempt.webhook}}));
    return {};
  });
}

Result<void> WebhookQueue::give_back(const WebhookAttempt& attempt) {
  return database_.write([&](sql::Session& session) -> Result<void> {
    TRY(
        session.exec("UPDATE webhook_deliveries SET next_attempt = :now, attempts = :before"
                     " WHERE id = :id AND attempts = :number AND next_attempt IS NOT NULL",
                     {{"now", clock_.now()},
                      {"before", attempt.number - 1},
                      {"id", attempt.delivery},
                      {"number", attempt.number}}));
    return {};
  });
}

Result<std::uint64_t> WebhookQueue::forget_old() {
  return database_.write([&](sql::Session& session) {
    return session.exec(
        "DELETE FROM webhook_deliveries WHERE next_attempt IS NULL"
        " AND created < :oldest",
        {{"oldest", clock_.now() - kKept}});
  });
}

}  // namespace obhut::cluster
