#pragma once
// Sends what is due, many at once on one thread, until it is delivered or given up.

#include <map>
#include <memory>
#include <stop_token>

#include "agent/base/log.h"
#include "service/cluster/config.h"
#include "service/cluster/outgoing/https_post.h"
#include "service/cluster/webhook_queue.h"
#include "service/cluster/webhooks.h"

namespace obhut::cluster {

/// Thread: one.
class WebhookSender {
 public:
  /// How soon what was announced is noticed, here or by another instance.
  static constexpr std::chrono::milliseconds kLookEvery{500};

  /// Errors: kInvalidInput for a file of authorities that holds no certificate.
  static Result<std::unique_ptr<WebhookSender>> open(const WebhookConfig& config,
                                                     sql::Database& database, const Clock& clock,
                                                     const Webhooks& webhooks, Log log);

  /// Sends until `stop`. What is under way then has a moment to end.
  void run(const std::stop_token& stop);

 private:
  WebhookSender(outgoing::PostConfig config, sql::Database& database, const Clock& clock,
                const Webhooks& webhooks, Log log)
      : queue_(database, clock),
        clock_(clock),
        webhooks_(webhooks),
        log_(std::move(log)),
        poster_(std::move(config)) {}
  void start_due();
  void settle(std::chrono::milliseconds patience);
  Result<void> settle(const WebhookAttempt& attempt, const Result<int>& status);
  void report(const Result<void>& done);

  WebhookQueue queue_;
  const Clock& clock_;
  const Webhooks& webhooks_;
  Log log_;
  outgoing::HttpsPoster poster_;
  std::map<std::uint64_t, WebhookAttempt> under_way_;  ///< by ticket
  WebhookLoad load_;
  std::uint64_t tickets_ = 0;
  bool failing_ = false;
};

}  // namespace obhut::cluster
