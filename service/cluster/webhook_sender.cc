#include "service/cluster/webhook_sender.h"

#include "agent/crypto/random.h"
#include "platform/atomic_file.h"
#include "service/cluster/tls/authority.h"
#include "service/cluster/webhook_signature.h"

namespace obhut::cluster {
namespace {

constexpr std::uint64_t kMostCertificates = std::uint64_t{4} << 20U;
/// For what is under way when we stop; more would keep a restart waiting for a slow receiver.
constexpr std::chrono::milliseconds kGrace{2'000};

double random_chance() {
  std::uint32_t value = 0;
  crypto::fill_random({reinterpret_cast<std::uint8_t*>(&value), sizeof value});
  return static_cast<double>(value) / 4294967296.0;
}

outgoing::Post post_of(const WebhookAttempt& attempt, ByteView key, Instant now) {
  const WebhookSignature signature = sign_webhook(key, attempt.event_id, now, attempt.body);
  return {
      attempt.url,
      {"Content-Type: application/json", "User-Agent: obhut-cluster", "webhook-id: " + signature.id,
       "webhook-timestamp: " + signature.timestamp, "webhook-signature: " + signature.signature},
      attempt.body};
}

}  // namespace

Result<std::unique_ptr<WebhookSender>> WebhookSender::open(const WebhookConfig& config,
                                                           sql::Database& database,
                                                           const Clock& clock,
                                                           const Webhooks& webhooks, Log log) {
  outgoing::PostConfig post;
  post.addresses = config.addresses;
  if (!config.ca_file.empty()) {
    ASSIGN_OR_RETURN(const Bytes pem, platform::read_file(config.ca_file, kMostCertificates));
    post.ca_pem = std::string(as_text(pem));
    if (!tls::read_certificate(post.ca_pem)) {
      return fail(ErrorKind::kInvalidInput,
                  "webhooks.ca_file: " + config.ca_file + " holds no certificate in PEM");
    }
  }
  return std::unique_ptr<WebhookSender>(
      new WebhookSender(std::move(post), database, clock, webhooks, std::move(log)));
}

void WebhookSender::run(const std::stop_token& stop) {
  const std::stop_callback waking(stop, [this] { poster_.wake(); });
  while (!stop.stop_requested()) {
    start_due();
    settle(kLookEvery);
  }
  const auto until = clock_.steady() + kGrace;
  while (!under_way_.empty() && clock_.steady() < until) {
    settle(std::chrono::duration_cast<std::chrono::milliseconds>(until - clock_.steady()));
  }
  for (const auto& [ticket, attempt] : under_way_) report(queue_.give_back(attempt));
}

void WebhookSender::start_due() {
  const auto attempts = queue_.take(load_);
  if (!attempts) return report(std::unexpected(attempts.error()));
  for (const WebhookAttempt& attempt : *attempts) {
    const crypto::SecretBytes key = webhooks_.key_of(attempt.webhook);
    const Result<void> started =
        poster_.start(++tickets_, post_of(attempt, key.view(), clock_.now()));
    if (!started) {
      report(settle(attempt, std::unexpected(started.error())));
      continue;
    }
    under_way_.emplace(tickets_, attempt);
    ++load_.all;
    ++load_.of_partner[attempt.partner];
    ++load_.of_webhook[attempt.webhook];
  }
}

void WebhookSender::settle(std::chrono::milliseconds patience) {
  for (const auto& [ticket, status] : poster_.wait(patience)) {
    const WebhookAttempt attempt = std::move(under_way_.extract(ticket).mapped());
    --load_.all;
    if (--load_.of_partner[attempt.partner] == 0) load_.of_partner.erase(attempt.partner);
    if (--load_.of_webhook[attempt.webhook] == 0) load_.of_webhook.erase(attempt.webhook);
    report(settle(attempt, status));
  }
}

Result<void> WebhookSender::settle(const WebhookAttempt& attempt, const Result<int>& status) {
  if (!status) return queue_.failed(attempt, status.error().message, random_chance());
  if (*status >= 200 && *status < 300) return queue_.delivered(attempt);
  if (*status == 410) {
    log_.info("webhook disabled by its receiver", field("webhook", attempt.webhook));
    return queue_.gone(attempt);
  }
  const bool redirect = *status >= 300 && *status < 400;
  return queue_.failed(
      attempt,
      "answered " + std::to_string(*status) + (redirect ? ": redirects are not followed" : ""),
      random_chance());
}

/// Once, not every half second: what is not settled is tried again when its lease is over.
void WebhookSender::report(const Result<void>& done) {
  if (!done && !failing_) {
    log_.warn("webhooks not sent or settled", field("error", done.error().message));
  }
  failing_ = !done.has_value();
}

}  // namespace obhut::cluster
