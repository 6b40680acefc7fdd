#pragma once
// What partners are told by webhook, written in the transaction that causes it: no kill loses it,
// and a cause that is repeated tells it once. Sending is somebody else's (webhook_sender.h).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

using WebhookId = Id<struct WebhookTag, 16>;
using DeliveryId = Id<struct DeliveryTag, 16>;

inline constexpr std::string_view kMonthClosedEvent = "month.closed";
inline constexpr std::string_view kTrialConvertedEvent = "trial.converted";
inline constexpr std::string_view kStorageMaximumEvent = "storage.maximum";
/// Sent where the partner asks for it, whatever the hook wants.
inline constexpr std::string_view kPingEvent = "ping";

/// What a hook may ask for, in order.
const std::vector<std::string_view>& webhook_events();

struct Webhook {
  WebhookId id;
  PartnerId partner;
  std::string url;
  std::vector<std::string> events;
  std::uint64_t threshold_bytes = 0;  ///< for storage.maximum
  Instant created{};
  std::optional<Instant> disabled;

  [[nodiscard]] bool wants(std::string_view type) const;
};
/// By age.
Result<std::vector<Webhook>> webhooks_of(sql::Session& session, const PartnerId& partner);

/// Tells every hook of the partner's that wants the type. In: `event_id`, derived from the cause,
/// of letters, digits and '-': the receiver sees it, and may hear of several partners; `data_json`,
/// an object.
Result<void> announce(sql::Session& session, const PartnerId& partner, std::string_view type,
                      std::string_view event_id, std::string_view data_json, Instant now);
/// Tells one hook, unless it was told of this event before.
Result<void> announce_to(sql::Session& session, const WebhookId& webhook, std::string_view type,
                         std::string_view event_id, std::string_view data_json, Instant now);

}  // namespace obhut::cluster
