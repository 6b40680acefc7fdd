#pragma once
// Pre-signed URLs of the embedded store: whoever holds one may do this one thing, once named, for a
// short time. S3's own signatures take their place where the store is S3.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/crypto/secret.h"

namespace obhut::cluster::objects {

enum class UrlUse : std::uint8_t { kPut, kGet };

struct SignedUse {
  UrlUse use = UrlUse::kGet;
  std::string key;
  Instant expires{};         ///< kept to the second
  std::uint64_t length = 0;  ///< kPut: exactly so many bytes
  Sha256 hash;               ///< kPut: of exactly this content
  friend bool operator==(const SignedUse&, const SignedUse&) = default;
};

class UrlSigner {
 public:
  /// In: `secret` of 32 bytes that never leaves the cluster.
  explicit UrlSigner(crypto::SecretBytes secret) : secret_(std::move(secret)) {}

  /// Out: "/store/v1/<key>?…", to be put behind the cluster's address.
  [[nodiscard]] std::string sign(const SignedUse& use) const;
  /// In: path and query as received.
  /// Errors: kRefused for a signature that does not match method, key or parameters, and for one
  /// that has expired; kInvalidInput for a URL that is none of ours.
  [[nodiscard]] Result<SignedUse> verify(UrlUse use, std::string_view path, std::string_view query,
                                         Instant now) const;

 private:
  crypto::SecretBytes secret_;
};

}  // namespace obhut::cluster::objects
