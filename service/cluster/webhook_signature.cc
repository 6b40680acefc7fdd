#include "service/cluster/webhook_signature.h"

#include "agent/base/text.h"
#include "agent/crypto/digest.h"

namespace obhut::cluster {

std::string webhook_secret(ByteView key) {
  return "whsec_" + to_base64(key);
}

WebhookSignature sign_webhook(ByteView key, std::string_view id, Instant at,
                              std::string_view body) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  WebhookSignature signature{std::string(id), std::to_string(seconds), "v1,"};
  const std::string text = signature.id + "." + signature.timestamp + "." + std::string(body);
  signature.signature += to_base64(crypto::hmac_sha256(key, as_bytes(text)).bytes());
  return signature;
}

}  // namespace obhut::cluster
