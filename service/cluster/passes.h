#pragma once
// What the cluster hands out and takes back without remembering it: nonces to sign in with, and the
// access tokens that signing in gives.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/bytes.h"
#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/crypto/secret.h"
#include "agent/trust/assertion.h"
#include "service/cluster/refusal.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

struct AccessToken {
  std::string token;
  std::chrono::seconds life{};
};

/// Thread: any.
class Passes {
 public:
  /// In: `secret` of 32 bytes; `audiences`: our own URLs, which assertions must be made for.
  Passes(const Clock& clock, crypto::SecretBytes secret, std::vector<std::string> audiences);

  /// Before the first request only: the port may be known late.
  void set_audiences(std::vector<std::string> audiences) { audiences_ = std::move(audiences); }

  /// Stateless until it is used: handing out nonces costs no memory.
  [[nodiscard]] std::pair<std::string, Instant> nonce() const;
  /// Proves an assertion by its key, and takes its nonce. Errors: 401 invalid-assertion,
  /// nonce-unknown, nonce-used.
  Answer<trust::Assertion> use(sql::Session& session, std::string_view assertion,
                               const SigningKeyId& key, Instant now) const;

  /// A token for `what`, good for an hour. In: `mark`, which begins it and says what kind it is.
  [[nodiscard]] AccessToken issue(std::string_view mark, ByteView what, Instant now) const;
  /// What a token of that kind was issued for. Errors: 401 unauthenticated.
  [[nodiscard]] Answer<Bytes> open(std::string_view mark, std::string_view token) const;

 private:
  Answer<void> use_nonce(sql::Session& session, std::string_view nonce, Instant now) const;
  [[nodiscard]] Sha256 mac(std::string_view purpose, ByteView bytes) const;

  const Clock& clock_;
  crypto::SecretBytes secret_;
  std::vector<std::string> audiences_;
};

}  // namespace obhut::cluster
