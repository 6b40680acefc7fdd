#pragma once
// Registration tokens, enrolment, and how a device proves who it is.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/log.h"
#include "agent/crypto/secret.h"
#include "agent/crypto/signing.h"
#include "service/cluster/refusal.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

using WorkloadId = Id<struct WorkloadTag, 16>;

/// One installation. Its workload, which is licensed, outlives it.
struct Device {
  DeviceId id;
  CustomerId customer;
  PartnerId partner;
  WorkloadId workload;
  SigningKeyId key;
  std::string kind;
  Instant enrolled{};
  Instant last_seen{};
  Instant activated{};
  std::string activation_clock;  ///< "endpoint" or "receipt"
  std::optional<Instant> superseded;
  std::optional<Instant> removed;
  std::optional<DeviceId> replaced_by;  ///< who has its vaults now
};

struct Registration {
  Sha256 hash;
  std::string kind;
  std::uint64_t uses = 0;
  std::uint64_t used = 0;
  Instant created{};
  Instant expires{};
  std::optional<Instant> revoked;
  std::optional<DeviceId> replaces;
};

struct Enrolment {
  Device device;
  std::string receipt;
  std::string trust;  ///< the partner's trust list; empty before the first
  bool repeated = false;
};

struct AccessToken {
  std::string token;
  std::chrono::seconds life{};
};

/// Errors: 404. Removed devices are found too.
Answer<Device> find_device(sql::Session& session, const DeviceId& id);
/// An alert that the cluster raises itself; raised again it is only renewed.
Result<void> raise_alert(sql::Session& session, const DeviceId& device, std::string_view code,
                         std::string_view severity, Instant now);

/// Thread: any.
class DeviceRegistry {
 public:
  /// In: `secret` of 32 bytes for nonces and access tokens; `audiences`: our own URLs.
  DeviceRegistry(sql::Database& database, const Clock& clock, const crypto::SigningKey& cluster_key,
                 crypto::SecretBytes secret, std::vector<std::string> audiences, Log log);

  /// `document` is signed by the partner's root or an operator for enrolment.
  Answer<Registration> register_token(const CustomerId& customer, std::string_view document);
  Answer<std::vector<Registration>> tokens(const CustomerId& customer);
  Answer<void> revoke_token(const CustomerId& customer, const Sha256& hash);

  /// Idempotent for a device's key: repeated, it gives the same answer and counts no use. Whose
  /// token names a device to be replaced gets that one's workload and vaults in the same instant.
  Answer<Enrolment> enrol(std::string_view token, const SigningKeyId& key,
                          std::string_view activation);

  /// Stateless until it is used: handing out nonces costs no memory.
  std::pair<std::string, Instant> nonce();
  Answer<AccessToken> exchange(std::string_view assertion);
  /// Before the first request only: the port may be known late.
  void set_audiences(std::vector<std::string> audiences) { audiences_ = std::move(audiences); }
  /// Errors: 401; 410 "removed" once the partner has removed the workload or the customer.
  Answer<Device> authenticate(std::string_view access_token);
  /// Notes that the device lives, now and then.
  void saw(const Device& device);

  Answer<std::vector<Device>> devices(const CustomerId& customer, const DeviceId& after,
                                      std::size_t limit);
  Answer<Device> device(const DeviceId& id);
  /// Ends the licence; recovery points stay until they are deleted (BILLING.md rule 7).
  Answer<void> remove_workload(const DeviceId& id);

 private:
  Answer<void> use_nonce(sql::Session& session, std::string_view nonce, Instant now);
  Answer<void> split_clone(sql::Session& session, const Device& device, Instant now);
  [[nodiscard]] Sha256 mac(std::string_view purpose, ByteView bytes) const;

  sql::Database& database_;
  const Clock& clock_;
  const crypto::SigningKey& cluster_key_;
  crypto::SecretBytes secret_;
  std::vector<std::string> audiences_;
  Log log_;
};

}  // namespace obhut::cluster
