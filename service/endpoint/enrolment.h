#pragma once
// From a registration token to an enrolled device, crash-safe at every step.
//
//   nothing ─begin()─▶ activation recorded ─finish()─▶ receipt kept = enrolled
//
// secrets/device.key    made first; found again after a crash, so that the device stays one
// activation.json       the signed activation, durable before anybody hears of it, and the token
// trust.json            the partner's root and newest trust list
// identity.json         who we are, with the cluster's receipt; its presence means enrolled

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/crypto/signing.h"
#include "agent/trust/token.h"
#include "agent/wire/control_client.h"
#include "service/endpoint/identity.h"
#include "service/endpoint/state_folder.h"

namespace obhut::endpoint {

/// Thread: one at a time.
class Enrolment {
 public:
  /// Takes up what an earlier process left. Errors: kCorrupt, kRefused for secrets that others
  /// could have written.
  static Result<Enrolment> open(StateFolder& state, Clock& clock);

  [[nodiscard]] bool enrolled() const { return identity_.has_value(); }
  /// Recorded, and still to be reported.
  [[nodiscard]] bool pending() const { return !identity_ && pending_; }
  [[nodiscard]] const Identity& identity() const { return *identity_; }
  [[nodiscard]] crypto::SigningKey device_key() const { return key_->clone(); }

  /// Records the activation. Once ok, this endpoint is activated at that instant, whatever happens
  /// to process and network; repeated with another token, the date stays. On an enrolled endpoint
  /// a token of the same customer changes nothing.
  /// Errors: those of trust::read_token; kConflict for another customer's token, and for one that
  /// replaces another device than this installation already did.
  Result<void> begin(std::string_view token_text);

  /// Where to report to, and whom to expect there. In: pending().
  [[nodiscard]] const trust::RegistrationToken& token() const { return pending_->token.token; }

  /// Another hand on the same pending activation: one may wait for the network while the other
  /// answers questions. In: pending().
  [[nodiscard]] Enrolment again() const;

  /// Reports once and keeps the receipt. Repeat after kUnavailable, kTimeout, kThrottled.
  /// Errors: those of ControlClient::enroll; kRefused or kCorrupt for a receipt that is not for
  /// this activation.
  Result<void> finish(wire::ControlClient& cluster, std::stop_token stop);

 private:
  struct Pending {
    std::string token_text;
    trust::VerifiedToken token;
    std::string activation;
    Instant installed_at{};
  };
  Enrolment(StateFolder& state, Clock& clock) : state_(&state), clock_(&clock) {}
  Result<void> load_key();
  Result<void> make_key();
  Result<void> load_pending();
  Result<void> record(Pending pending);
  Result<Identity> identity_of(const wire::EnrollReply& reply) const;
  Result<void> keep_trust(const std::string& newest);

  StateFolder* state_;
  Clock* clock_;
  std::optional<crypto::SigningKey> key_;
  std::optional<Pending> pending_;
  std::optional<Identity> identity_;
};

}  // namespace obhut::endpoint
