#pragma once
// Signer objects: whose signature under a head this vault believes. Sealed under the root, so that
// a store can neither add one nor read one. Bytes: FORMAT.md section 2.

#include <optional>

#include "agent/base/bytes.h"
#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/crypto/signing.h"
#include "agent/seal/keyring.h"

namespace obhut::vault {

struct Signer {
  SigningKeyId key;
  DeviceId device;
  Instant since{};
  /// The private seed, where the vault stands alone and whoever opens it may write to it.
  std::optional<crypto::SecretBytes> seed;
};

Result<Bytes> seal_signer(const seal::Keyring& keyring, const Signer& signer);
/// Errors: kCorrupt, kCrypto.
Result<Signer> open_signer(const seal::Keyring& keyring, ByteView sealed);
/// The plain form. Errors: kCorrupt.
Result<Signer> parse_signer(ByteView plain);

}  // namespace obhut::vault
