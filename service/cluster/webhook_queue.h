#pragma once
// Deliveries that are due, and what became of their attempts. Instances share the queue: what one
// has taken is the others' only after a lease that outlasts every attempt.

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "agent/base/backoff.h"
#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "service/cluster/sql/database.h"
#include "service/cluster/webhook_outbox.h"

namespace obhut::cluster {

/// One attempt at a delivery.
struct WebhookAttempt {
  DeliveryId delivery;
  WebhookId webhook;
  PartnerId partner;
  std::string url;
  std::string event_id;
  std::string body;
  unsigned number = 0;  ///< from 1
  Instant asked{};      ///< since when it is tried
};

/// What is under way here, so that no receiver and no partner takes all there is.
struct WebhookLoad {
  std::map<WebhookId, std::size_t> of_webhook;
  std::map<PartnerId, std::size_t> of_partner;
  std::size_t all = 0;
};

/// Thread: any.
class WebhookQueue {
 public:
  static constexpr std::size_t kAtOnce = 64;
  static constexpr std::size_t kAtOnceOfPartner = 8;
  static constexpr std::size_t kAtOnceOfWebhook = 2;
  static constexpr std::chrono::seconds kLease{60};
  static constexpr BackoffPolicy kBackoff{std::chrono::seconds(5), std::chrono::hours(6)};
  static constexpr std::chrono::hours kLongest{72};
  static constexpr std::chrono::days kKept{90};

  WebhookQueue(sql::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  /// Takes what is due, within the limits above less `load`.
  Result<std::vector<WebhookAttempt>> take(const WebhookLoad& load);
  Result<void> delivered(const WebhookAttempt& attempt);
  /// Tried again later, or given up once kLongest is over. `chance` in [0, 1) spreads attempts.
  Result<void> failed(const WebhookAttempt& attempt, std::string_view error, double chance);
  /// The receiver is gone: nothing more is sent to the hook.
  Result<void> gone(const WebhookAttempt& attempt);
  /// An attempt that came to no end: due again at once.
  Result<void> give_back(const WebhookAttempt& attempt);
  /// Forgets what was delivered or given up and is older than kKept. Out: how many.
  Result<std::uint64_t> forget_old();

 private:
  sql::Database& database_;
  const Clock& clock_;
};

}  // namespace obhut::cluster
