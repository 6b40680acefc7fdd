#pragma once
// STATE: the folder with keys, certificates, configuration, and by default database and objects.

#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/crypto/secret.h"
#include "agent/crypto/signing.h"
#include "service/cluster/config.h"

namespace obhut::cluster {

/// Makes a state folder. Errors: kConflict where one is there already.
Result<void> init_state(const std::string& folder, const Config& config, Instant now);

struct State {
  std::string folder;
  Config config;
  crypto::SigningKey cluster_key;  ///< signs receipts
  crypto::SecretBytes secret;      ///< for URLs, nonces and access tokens
  std::string certificate_chain;   ///< leaf and CA, PEM
  std::string certificate_key;
  Sha256 ca_pin;                   ///< SHA-256 of the CA's SubjectPublicKeyInfo
  std::vector<std::string> names;  ///< of the certificate
};

/// Reads everything; issues a new server certificate where the old one ends within 30 days or has
/// other names. Errors: kNotFound with the way out; kRefused for secrets that others can read.
Result<State> open_state(const std::string& folder, Instant now);

}  // namespace obhut::cluster
