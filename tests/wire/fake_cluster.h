#pragma once
// The agent's side of the cluster's API behind the transport seam, in memory: to be lied with.

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/crypto/signing.h"
#include "agent/model/head.h"
#include "agent/wire/control_client.h"
#include "agent/wire/transport.h"

namespace obhut::wire {

/// Thread: any.
class FakeCluster final : public Transport {
 public:
  explicit FakeCluster(const DeviceIdentity& device)
      : device_(device.device), device_key_(device.key.public_key()) {}

  static constexpr const char* kUrl = "https://cluster.example";

  Result<Response> send(const Request& request, std::stop_token stop) override;

  /// Looks at a request before it is carried out; what it returns is the answer.
  std::function<std::optional<Result<Response>>(const Request&)> before;
  /// Changes an answer on its way out.
  std::function<void(const Request&, Response&)> after;

  struct StoredHead {
    model::Head head;
    Bytes bytes;
  };
  std::vector<StoredHead> heads;
  std::map<std::string, Bytes> objects;  ///< "kind/sha256"
  crypto::SigningKey key = crypto::SigningKey::generate();
  Instant now{};  ///< its clock, which need not be ours
  int sign_ins = 0;
  std::string token = "token-1";
  std::vector<Request> seen;  ///< without bodies
  std::vector<std::string> bodies;

 private:
  Response answer(const Request& request);
  Response sign_in(const Request& request);
  Response vault_route(const Request& request, const std::string& rest);
  Response store_route(const Request& request, const std::string& key_and_hash);
  Response commit(ByteView body);
  Response tickets(ByteView body) const;
  Response downloads(ByteView body) const;
  Response list_objects(const std::string& query) const;
  Response list_heads() const;
  std::mutex mutex_;
  DeviceId device_;
  SigningKeyId device_key_;
};

Response json_answer(int status, const std::string& body);
Response problem(int status, const std::string& code);

}  // namespace obhut::wire
