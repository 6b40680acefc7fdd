#pragma once
// The cluster's own certificate authority: agents pin it, so that no public one can vouch for a
// stranger, and no one has to buy a certificate to try the product.

#include <chrono>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"

namespace obhut::cluster::tls {

/// PEM, both. The key is PKCS #8, unencrypted: it lies in a file that only we may read.
struct Certificate {
  std::string pem;
  std::string key;
};

/// EC P-256, valid for 20 years, for signing certificates only.
Result<Certificate> make_authority(std::string_view name, Instant now);

/// For TLS servers, EC P-256, valid for one year. `names` are DNS names and IP addresses.
Result<Certificate> issue_server(const Certificate& authority,
                                 const std::vector<std::string>& names, Instant now);

struct CertificateFacts {
  Instant not_after{};
  std::vector<std::string> names;  ///< DNS names and IP addresses, in the order of the certificate
  /// SHA-256 of the SubjectPublicKeyInfo: what agents pin.
  Sha256 pin;
};
/// Of the first certificate in `pem`. Errors: kCorrupt.
Result<CertificateFacts> read_certificate(std::string_view pem);

/// True where `key` is the private key of the first certificate in `pem`.
bool key_fits(std::string_view pem, std::string_view key);

}  // namespace obhut::cluster::tls
