#pragma once
// The endpoint's conversation with the cluster's API: every route that an agent may ask.

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/crypto/signing.h"
#include "agent/trust/grant_id.h"
#include "agent/wire/messages.h"
#include "agent/wire/transport.h"

namespace obhut::wire {

/// Who asks: proved by signed assertions that carry the cluster's nonce, so that the device's clock
/// does not matter.
struct DeviceIdentity {
  DeviceId device;
  crypto::SigningKey key;
};

/// Asks once each; repeating after kUnavailable, kTimeout and kThrottled is the caller's, and
/// harmless: what could do more the second time carries an idempotency key.
/// Errors of all: those of Transport::send and, by the cluster's problem documents, kRefused (also
/// a removed device), kNotFound, kConflict, kThrottled, kQuotaExceeded, kInvalidInput; kCorrupt for
/// an answer that makes no sense.
/// Thread: any.
class ControlClient {
 public:
  /// In: `cluster` is the URL of the registration token, without a trailing slash. `identity` is
  /// nothing before enrolment; then only enroll() works. Transport and clock must outlive it.
  ControlClient(Transport& transport, Clock& clock, std::string cluster,
                std::optional<DeviceIdentity> identity = std::nullopt);
  ~ControlClient();

  /// What the cluster's clock shows, to within a minute; nothing before the first sign-in.
  [[nodiscard]] std::optional<Instant> cluster_time() const;

  Result<EnrollReply> enroll(const EnrollRequest& request, std::stop_token stop);

  Result<DeviceReply> device(std::stop_token stop);
  /// When the customer's trial ends; nothing without one that runs.
  Result<std::optional<Instant>> trial_end(std::stop_token stop);
  /// Waits up to `wait` (at most 55 s) for a plan newer than `after`, or any where the partner's
  /// trust list is newer than `trust_serial`; nothing where neither came.
  Result<std::optional<PlanReply>> plan_after(std::uint64_t after, std::uint64_t trust_serial,
                                              std::chrono::seconds wait, std::stop_token stop);
  /// The device's own vaults, in the order in which they were made.
  Result<std::vector<ListedVault>> vaults(std::stop_token stop);
  Result<void> create_vault(const VaultId& vault, std::stop_token stop);
  /// In: at most 100. Out: one ticket a wish, in their order; no other.
  Result<std::vector<Ticket>> tickets(const VaultId& vault, std::span<const UploadWish> wishes,
                                      std::stop_token stop);
  /// Out: one a name, in their order. kNotFound where the vault lacks one.
  Result<std::vector<Download>> downloads(const VaultId& vault,
                                          std::span<const model::ObjectName> names,
                                          std::stop_token stop);
  /// Every object of a kind, all pages. Not for heads.
  Result<std::vector<ListedObject>> objects(const VaultId& vault, model::ObjectKind kind,
                                            std::stop_token stop);
  /// Out: the receipt's document, unverified.
  Result<std::string> commit(const VaultId& vault, ByteView head, std::stop_token stop);
  /// Ascending by sequence, all pages.
  Result<std::vector<ListedHead>> heads(const VaultId& vault, std::uint64_t after_sequence,
                                        std::stop_token stop);
  Result<Bytes> head(const VaultId& vault, const Sha256& hash, std::stop_token stop);
  /// Receipts of what the vault held on days that are over and come after `after_day`
  /// ("2026-03-05", or "" for all), by day; about a hundred at most. Out: documents, unverified.
  Result<std::vector<std::string>> storage_receipts(const VaultId& vault,
                                                    const std::string& after_day,
                                                    std::stop_token stop);
  /// What the vault may take before anything is refused or the bill grows.
  Result<Allowance> allowance(const VaultId& vault, std::stop_token stop);
  /// In: obhut.measurement/1 of a local vault. Out: nothing where it was taken; where a newer one
  /// is known, its number. kNotFound for a vault that is another device's.
  Result<std::optional<std::uint64_t>> report_measurement(std::string_view document,
                                                          std::stop_token stop);
  /// Somebody confirmed to hold what opens the vault. `access_key`, which comes of a recovery key,
  /// may then read it without a device (agent/trust/recovery_access.h).
  Result<void> confirm_recovery(const VaultId& vault, const std::optional<SigningKeyId>& access_key,
                                std::stop_token stop);
  /// The vault that a recovery key reads; for whoever signs in by its access key alone.
  Result<RecoveryReply> recovery(std::stop_token stop);
  /// The restore grant behind a code, for this device; a code is good once. Out: its document,
  /// unverified. kNotFound for a wrong code, kThrottled after too many, kRefused for one that was
  /// used or taken back.
  Result<std::string> fetch_grant(std::string_view code, std::stop_token stop);
  /// Of this device's restore grants those that the partner took back before they expired.
  Result<std::vector<trust::GrantId>> revoked_grants(std::stop_token stop);
  /// Release roots after the version that is known, in order, a few at a time. Out: documents,
  /// unverified.
  Result<std::vector<std::string>> release_roots(std::uint64_t after, std::stop_token stop);
  /// The newest release, unverified; nothing where the cluster has none.
  Result<std::optional<std::string>> release(std::stop_token stop);
  /// A part of a package, unverified: exactly `range.length` bytes. In: within it, 1 byte at least.
  Result<Bytes> release_package(const Sha256& hash, ByteRange range, std::stop_token stop);
  Result<void> report_activities(std::span<const ActivityReport> activities, std::stop_token stop);
  Result<void> report_alerts(std::span<const AlertReport> alerts, std::stop_token stop);

 private:
  struct Ask;
  struct Session;
  Result<Response> send(const Ask& ask, std::stop_token stop);
  Result<Response> send_signed_in(const Ask& ask, std::stop_token stop);
  /// The same, whatever the answer's status is.
  Result<Response> ask_signed_in(const Ask& ask, std::stop_token stop);
  Result<std::string> access_token(std::stop_token stop, std::string_view refused);
  /// The embedded store's addresses may come without a host: then it is the cluster's.
  [[nodiscard]] std::string absolute(std::string url) const;
  Result<TokenReply> sign_in(std::stop_token stop);
  Transport& transport_;
  Clock& clock_;
  std::string cluster_;
  std::optional<DeviceIdentity> identity_;
  std::unique_ptr<Session> session_;
};

}  // namespace obhut::wire
