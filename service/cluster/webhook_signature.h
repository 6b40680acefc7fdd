#pragma once
// How a receiver knows that a webhook is ours: Standard Webhooks 1.0, symmetric.

#include <string>
#include <string_view>

#include "agent/base/bytes.h"
#include "agent/base/clock.h"

namespace obhut::cluster {

/// "whsec_" and the key in base64, as the partner keeps it.
std::string webhook_secret(ByteView key);

/// What the headers webhook-id, webhook-timestamp and webhook-signature carry for one attempt.
struct WebhookSignature {
  std::string id;
  std::string timestamp;  ///< seconds since 1970
  std::string signature;  ///< "v1," and HMAC-SHA256 of "id.timestamp.body" in base64
};
WebhookSignature sign_webhook(ByteView key, std::string_view id, Instant at, std::string_view body);

}  // namespace obhut::cluster
