#pragma once
// Registration tokens, enrolment, and how a device proves who it is.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/log.h"
#include "agent/crypto/signing.h"
#include "agent/trust/assertion.h"
#include "service/cluster/passes.h"
#include "service/cluster/refusal.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

using WorkloadId = Id<struct WorkloadTag, 16>;
using InstanceId = trust::InstanceId;

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
  InstanceId instance;                  ///< the process that was heard from last
  std::optional<WorkloadId> clone;      ///< the licence of a second machine of this identity
  InstanceId asker;  ///< of authenticate(): the process that asks; zero where it does not say
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

/// Errors: 404. Removed devices are found too.
Answer<Device> find_device(sql::Session& session, const DeviceId& id);
/// An alert that the cluster raises itself; raised again it is only renewed.
Result<void> raise_alert(sql::Session& session, const DeviceId& device, std::string_view code,
                         std::string_view severity, Instant now);
/// Fine where it does not stand.
Result<void> clear_alert(sql::Session& session, const DeviceId& device, std::string_view code,
                         Instant now);

/// Thread: any.
class DeviceRegistry {
 public:
  /// All must outlive it.
  DeviceRegistry(sql::Database& database, const Clock& clock, const crypto::SigningKey& cluster_key,
                 const Passes& passes, Log log);

  /// `document` is signed by the partner's root or an operator for enrolment.
  Answer<Registration> register_token(const CustomerId& customer, std::string_view document);
  Answer<std::vector<Registration>> tokens(const CustomerId& customer);
  Answer<void> revoke_token(const CustomerId& customer, const Sha256& hash);

  /// Idempotent for a device's key: repeated, it gives the same answer and counts no use. Whose
  /// token names a device to be replaced gets that one's workload and vaults in the same instant.
  Answer<Enrolment> enrol(std::string_view token, const SigningKeyId& key,
                          std::string_view activation);

  /// Errors: those of Passes::use; 410 "removed".
  Answer<AccessToken> exchange(std::string_view assertion);
  /// Errors: 401; 410 "removed" once the partner has removed the workload or the customer.
  Answer<Device> authenticate(std::string_view access_token);
  /// Notes that the device lives, now and then, and which of its processes does.
  void saw(const Device& device);

  Answer<std::vector<Device>> devices(const CustomerId& customer, const DeviceId& after,
                                      std::size_t limit);
  Answer<Device> device(const DeviceId& id);
  /// Ends the licence; recovery points stay until they are deleted (BILLING.md rule 7).
  Answer<void> remove_workload(const DeviceId& id);
  /// The partner says that one machine alone presents this identity now: ends the second licence.
  Answer<void> resolve_clone(const DeviceId& id);

 private:
  Answer<void> split_clone(sql::Session& session, const Device& device, Instant now);

  sql::Database& database_;
  const Clock& clock_;
  const crypto::SigningKey& cluster_key_;
  const Passes& passes_;
  Log log_;
};

}  // namespace obhut::cluster
