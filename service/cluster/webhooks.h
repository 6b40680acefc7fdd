#pragma once
// A partner's webhooks: where they go, what they tell, and what became of it.

#include <semaphore>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/crypto/secret.h"
#include "service/cluster/outgoing/target.h"
#include "service/cluster/refusal.h"
#include "service/cluster/sql/database.h"
#include "service/cluster/webhook_outbox.h"

namespace obhut::cluster {

/// One event on its way to one webhook.
struct Delivery {
  DeliveryId id;
  std::string type;
  std::string event_id;
  Instant created{};
  std::uint64_t attempts = 0;
  std::optional<Instant> next_attempt;  ///< nothing where it was delivered or given up
  std::optional<Instant> delivered;
  std::optional<Instant> given_up;
  std::string last_error;
};

/// Thread: any.
class Webhooks {
 public:
  static constexpr std::size_t kMostOfPartner = 20;
  static constexpr std::size_t kDeliveriesShown = 100;

  /// The hooks' keys are derived from `secret`. `resolve` is how names are looked up.
  Webhooks(sql::Database& database, const Clock& clock, crypto::SecretBytes secret,
           outgoing::AddressPolicy addresses, outgoing::Resolve resolve = outgoing::resolve);

  /// The URL as it is to be stored. Looks the host up, so that it belongs into no transaction.
  /// Errors: 422 webhook-address for one that is malformed or leads where nothing may be sent to;
  /// 503 where too many are looked up at once.
  Answer<std::string> check_url(std::string_view url);

  /// In: `url` as check_url() gave it. Errors: 422 invalid-request for events that there are not,
  /// or none; 409 too-many-webhooks.
  Answer<Webhook> add(const PartnerId& partner, std::string_view url,
                      const std::vector<std::string>& events, std::uint64_t threshold_bytes);
  Answer<std::vector<Webhook>> all(const PartnerId& partner);
  /// Errors, of this and all below: 404 for what is not the partner's.
  Answer<Webhook> webhook(const PartnerId& partner, const WebhookId& id);
  /// With all of its deliveries.
  Answer<void> remove(const PartnerId& partner, const WebhookId& id);
  /// "whsec_…": what the partner checks signatures with.
  [[nodiscard]] std::string secret_of(const WebhookId& id) const;
  [[nodiscard]] crypto::SecretBytes key_of(const WebhookId& id) const;

  /// Sends a ping, unless one is on its way still. Errors: 409 webhook-disabled.
  Answer<Delivery> ping(const PartnerId& partner, const WebhookId& id);
  /// The newest first, kDeliveriesShown at most.
  Answer<std::vector<Delivery>> deliveries(const PartnerId& partner, const WebhookId& id);
  /// Sends it once more from now on, whatever became of it; the receiver knows it by its event's
  /// id. Errors: 409 webhook-disabled.
  Answer<Delivery> again(const PartnerId& partner, const WebhookId& id, const DeliveryId& delivery);

 private:
  sql::Database& database_;
  const Clock& clock_;
  crypto::SecretBytes secret_;
  outgoing::AddressPolicy addresses_;
  outgoing::Resolve resolve_;
  // A name that nobody answers for takes a worker's time: only so many at once.
  std::counting_semaphore<> lookups_{4};
};

}  // namespace obhut::cluster
