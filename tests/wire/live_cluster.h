#pragma once
// A real obhut-cluster in a temporary folder, with a partner, a customer, and devices on demand.

#include <memory>
#include <string>
#include <thread>

#include "agent/base/clock.h"
#include "agent/crypto/signing.h"
#include "agent/wire/control_client.h"
#include "agent/wire/cpprest_transport.h"
#include "agent/wire/http_store.h"

namespace obhut::wire {

/// CHECKs where the cluster does not come up: then no test says anything.
class LiveCluster {
 public:
  LiveCluster();
  ~LiveCluster();
  LiveCluster(const LiveCluster&) = delete;
  LiveCluster& operator=(const LiveCluster&) = delete;

  /// Enrols a new device of the customer and gives it an empty vault.
  struct Device {
    DeviceIdentity identity;
    SigningKeyId cluster_key;
    VaultId vault;
  };
  Device new_device();

  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] Transport& transport() { return *transport_; }

 private:
  std::string post(const std::string& path, const std::string& body);
  SystemClock clock_;
  std::string folder_;
  std::string url_;
  std::string session_;
  std::unique_ptr<CpprestTransport> transport_;
  crypto::SigningKey root_ = crypto::SigningKey::generate();
  PartnerId partner_;
  CustomerId customer_;
  Sha256 ca_pin_;
  std::jthread process_;
};

}  // namespace obhut::wire
