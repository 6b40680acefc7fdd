#pragma once
// A whole cluster in this process, on loopback, with a clock that tests can move; and the people
// and devices that use it.

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "agent/crypto/random.h"
#include "agent/crypto/signing.h"
#include "agent/model/head.h"
#include "agent/model/plan.h"
#include "agent/trust/assertion.h"
#include "agent/trust/receipt.h"
#include "agent/trust/trust_list.h"
#include "service/cluster/api/application.h"
#include "service/cluster/cluster.h"
#include "tests/cluster/tls_client.h"

namespace obhut::cluster::test {

/// The machine's clock, moved by hand.
class MovedClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override {
    return (is_held_ ? held_ : system_.now()) + std::chrono::microseconds(offset_.load());
  }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override {
    return system_.steady();
  }
  bool sleep_for(std::chrono::steady_clock::duration time, std::stop_token stop) override {
    return system_.sleep_for(time, std::move(stop));
  }
  void move(std::chrono::microseconds by) { offset_ += by.count(); }
  /// From here on it goes by moves alone.
  void hold() {
    held_ = system_.now();
    is_held_ = true;
  }

 private:
  SystemClock system_;
  std::atomic<std::int64_t> offset_{0};
  Instant held_;  ///< written before is_held_, once
  std::atomic<bool> is_held_ = false;
};

struct Answered {
  int status = 0;
  nlohmann::json body;  ///< discarded where it is no JSON
  std::string text;
  std::map<std::string, std::string> headers;
  [[nodiscard]] std::string code() const {
    return body.is_object() ? body.value("code", "") : std::string();
  }
};

/// A partner with root, two operators and a trust list.
struct TestPartner {
  PartnerId id;
  crypto::SigningKey root = crypto::SigningKey::generate();
  crypto::SigningKey operator_a = crypto::SigningKey::generate();
  crypto::SigningKey operator_b = crypto::SigningKey::generate();
  std::string email;
  std::string session;  ///< of its administrator
  CustomerId customer;
  std::string number;
};

struct TestObject {
  model::ObjectName name;
  std::string bytes;
};

/// A device as the wire sees it.
struct TestDevice {
  DeviceId id;
  crypto::SigningKey key = crypto::SigningKey::generate();
  trust::InstanceId instance = crypto::random_id<trust::InstanceId>();
  std::string token;  ///< access token
  std::string activation;
  std::string registration_token;
  std::string receipt;
  VaultId vault;
  std::uint64_t sequence = 0;
  Sha256 head;
  model::ReferenceSet references;
  std::chrono::microseconds clock_off{};  ///< its clock against the cluster's, in heads
};

class TestCluster {
 public:
  explicit TestCluster(const Config& config = default_config());
  /// A second instance of `first`: its secrets, database and objects, a folder and a port of its
  /// own.
  static std::unique_ptr<TestCluster> beside(const TestCluster& first);
  ~TestCluster();
  static Config default_config();

  /// Stops the server and opens the same folder again.
  void restart();

  Answered call(std::string_view method, std::string_view path, std::string_view token,
                const nlohmann::json& body = nullptr, HeaderList headers = {});
  Answered call_raw(std::string_view method, std::string_view path, std::string_view token,
                    std::string_view body, HeaderList headers = {});
  [[nodiscard]] TlsClient connect(TlsClient::Handshake handshake = TlsClient::Handshake::kDo) const;

  TestPartner make_partner(const std::string& name);
  /// "2026-12", where the price list of put_prices() reckons.
  [[nodiscard]] std::string running_month() const;
  /// A new session: they end after 12 hours of the moved clock.
  void log_in(TestPartner& partner);
  CustomerId make_customer(const TestPartner& partner, const std::string& number);
  std::string make_token(const TestPartner& partner, unsigned uses,
                         std::chrono::hours life = std::chrono::hours(24));
  /// Signed, not registered.
  struct SignedToken {
    std::string text;
    std::string registration;
  };
  SignedToken sign_token(const TestPartner& partner, unsigned uses,
                         const std::optional<DeviceId>& replaces = {},
                         std::chrono::hours life = std::chrono::hours(24));
  Answered register_token(const TestPartner& partner, const std::string& registration);
  TestDevice prepare_device(const TestPartner& partner, const std::string& token,
                            const Sha256& hardware, Instant installed);
  Answered enrol(const TestDevice& device);
  /// All of it, with a vault.
  TestDevice make_device(const TestPartner& partner);
  void get_access_token(TestDevice& device);
  Answered exchange(const TestDevice& device, const std::string& nonce);
  /// A price list for storage in the cluster, 1.00 a GB of so many bytes, in both modes.
  void put_prices(const TestPartner& partner, std::uint64_t gb_bytes = 1'000'000'000);
  /// The partner's ledger, in order.
  std::vector<nlohmann::json> events(const TestPartner& partner);
  /// Codes of the device's alerts that stand.
  std::multiset<std::string> alerts(const TestPartner& partner, const TestDevice& device);
  std::string plan_envelope(const TestPartner& partner, const DeviceId& device,
                            std::uint64_t version, const model::Retention& retention);

  TestObject make_object(model::ObjectKind kind, std::size_t size) const;
  /// Ticket and PUT. Out: the status of the PUT, or 0 where the ticket said "stored".
  int upload(const TestDevice& device, const TestObject& object);
  nlohmann::json ticket(const TestDevice& device, const TestObject& object);
  /// A signed head over `references`, which becomes the device's newest when committed.
  Bytes make_head(const TestDevice& device, const model::ReferenceSet& references,
                  bool force_full = false) const;
  Answered commit(const TestDevice& device, const Bytes& head);
  /// Uploads `objects` and commits a point that needs them beside what the newest needs, without
  /// `dropped`.
  Answered back_up(TestDevice& device, const std::vector<TestObject>& objects,
                   const std::vector<model::ObjectName>& dropped = {});

  /// Stops serving here; another process may serve the folder at `port` from now on.
  bool hand_over(std::uint16_t port);
  bool wait_until_up(std::chrono::milliseconds patience);
  /// One pack and one commit against whoever serves; false where it was not acknowledged. What was
  /// left open is settled by the next call.
  bool try_back_up(TestDevice& device);
  void take_back() { start(); }

  MovedClock clock;
  std::string folder;
  std::string provider;  ///< session token
  std::string ca_pem;
  std::uint16_t port = 0;
  std::unique_ptr<Cluster> cluster;

 private:
  struct Beside {};
  TestCluster(const TestCluster& first, Beside beside);
  void start();
  void stop();
  bool settle(TestDevice& device);
  Config config_;
  Bytes open_head_;                      ///< sent, not acknowledged
  model::ReferenceSet open_references_;  ///< of that head
  std::jthread thread_;
};

/// Path and query of a URL.
std::string path_of(const std::string& url);

}  // namespace obhut::cluster::test
