#pragma once
// Ed25519 signatures (RFC 8032) and X25519 sealing to a public key (RFC 7748).

#include <string_view>

#include "agent/base/bytes.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/crypto/secret.h"

namespace obhut::crypto {

inline constexpr std::size_t kSignatureSize = 64;

/// An Ed25519 private key, held as its 32-byte seed.
class SigningKey {
 public:
  static SigningKey generate();
  /// In: seed of 32 bytes. Errors: kInvalidInput.
  static Result<SigningKey> from_seed(ByteView seed);

  [[nodiscard]] const SigningKeyId& public_key() const { return public_key_; }
  [[nodiscard]] const SecretBytes& seed() const { return seed_; }
  /// Out: 64 bytes.
  [[nodiscard]] Bytes sign(ByteView message) const;
  [[nodiscard]] SigningKey clone() const;

 private:
  SigningKey(SecretBytes seed, const SigningKeyId& public_key)
      : seed_(std::move(seed)), public_key_(public_key) {}
  SecretBytes seed_;
  SigningKeyId public_key_;
};

/// True only for a good signature of `message` by `key`. A key of small order, the zero key among
/// them, has none: it would fit signatures that nobody made.
bool verify_signature(const SigningKeyId& key, ByteView message, ByteView signature);

using ExchangeKeyId = Id<struct ExchangeKeyTag, 32>;

/// An X25519 private key.
class ExchangeKey {
 public:
  static ExchangeKey generate();
  static Result<ExchangeKey> from_bytes(ByteView secret);
  [[nodiscard]] const ExchangeKeyId& public_key() const { return public_key_; }
  [[nodiscard]] const SecretBytes& secret() const { return secret_; }
  /// The shared secret with `peer`. Errors: kCrypto for a low-order point.
  [[nodiscard]] Result<SecretBytes> agree(const ExchangeKeyId& peer) const;

 private:
  ExchangeKey(SecretBytes secret, const ExchangeKeyId& public_key)
      : secret_(std::move(secret)), public_key_(public_key) {}
  SecretBytes secret_;
  ExchangeKeyId public_key_;
};

/// Seals `plain` so that only the holder of `recipient`'s private key opens it.
/// Out: ephemeral public key[32] body[n] tag[16]; key by HKDF over the shared secret with both
/// public keys as salt and `context` as info, nonce zero (the key is used once).
Result<Bytes> seal_to(const ExchangeKeyId& recipient, std::string_view context, ByteView plain);
/// The inverse. Errors: kCrypto.
Result<SecretBytes> open_with(const ExchangeKey& key, std::string_view context, ByteView sealed);

}  // namespace obhut::crypto
