#pragma once
// Restore grants: kept for the partner, fetched once by their device with a short code, taken back.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/crypto/secret.h"
#include "agent/trust/grant.h"
#include "service/cluster/devices.h"
#include "service/cluster/refusal.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

struct PublishedGrant {
  trust::RestoreGrant grant;
  SigningKeyId signer;
  std::string document;
  Instant received{};
  std::optional<Instant> fetched;
  std::optional<Instant> revoked;
  std::string code{};  ///< "7KQ2-M0XZ"; of publish() alone, and where a device may still fetch it
  bool repeated = false;
};

/// What a device says of a use.
struct GrantUseReport {
  std::string document;
  std::string account;
  std::vector<std::uint64_t> paths;  ///< of the grant's scope, by number
  std::string destination;
};

/// Thread: any.
class Grants {
 public:
  /// Wrong codes that a device may send in an hour: of 2^40 codes, which are good for 31 days at
  /// most, it meets one of ten open ones with a chance of one in ten millions.
  static constexpr std::int64_t kGuesses = 10;

  /// Codes are derived from `secret` and kept nowhere.
  Grants(sql::Database& database, const Clock& clock, crypto::SecretBytes secret)
      : database_(database), clock_(clock), secret_(std::move(secret)) {}

  /// The same grant again changes nothing. Errors: those of trust::verify_grant; 409 for another
  /// grant of that id.
  Answer<PublishedGrant> publish(const Device& device, std::string_view document);
  /// Newest first, received before `before`.
  Answer<std::vector<PublishedGrant>> of_device(const DeviceId& device, Instant before,
                                                std::size_t limit);
  /// Again it changes nothing. Errors: 404.
  Answer<void> revoke(const DeviceId& device, const trust::GrantId& id);

  /// The document behind a code, once. Errors: 404 unknown-code, which counts; 410 for one that was
  /// used or taken back; 429 after kGuesses wrong ones.
  Answer<std::string> fetch(const Device& device, std::string_view code);
  /// Taken back and not expired.
  Answer<std::vector<trust::GrantId>> revoked(const DeviceId& device);

  /// As it is kept with the activity, JSON: in words that the partner signed, and no others.
  /// Errors: 422 for what is not of this device.
  Answer<std::string> describe(const Device& device, const GrantUseReport& use);

 private:
  [[nodiscard]] std::string code_of(const trust::GrantId& id) const;
  sql::Database& database_;
  const Clock& clock_;
  crypto::SecretBytes secret_;
};

}  // namespace obhut::cluster
