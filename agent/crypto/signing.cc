#include "agent/crypto/signing.h"

#include <algorithm>
#include <array>
#include <memory>

#include <openssl/evp.h>

#include "agent/base/check.h"
#include "agent/base/text.h"
#include "agent/crypto/aead.h"
#include "agent/crypto/kdf.h"
#include "agent/crypto/random.h"

namespace obhut::crypto {
namespace {

struct KeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using KeyHandle = std::unique_ptr<EVP_PKEY, KeyFree>;

KeyHandle private_key(int type, ByteView secret) {
  return KeyHandle(EVP_PKEY_new_raw_private_key(type, nullptr, secret.data(), secret.size()));
}

template <class IdType>
IdType public_half(const KeyHandle& key) {
  std::array<std::uint8_t, IdType::kSize> bytes{};
  std::size_t length = bytes.size();
  CHECK(EVP_PKEY_get_raw_public_key(key.get(), bytes.data(), &length) == 1 &&
        length == bytes.size());
  return IdType(bytes);
}

constexpr std::size_t kSecretSize = 32;

/// The one-time AEAD key between an ephemeral and a recipient key; both are bound in.
SecretBytes box_key(const SecretBytes& shared, const ExchangeKeyId& ephemeral,
                    const ExchangeKeyId& recipient, std::string_view context) {
  Bytes salt = to_bytes(ephemeral.bytes());
  salt.insert(salt.end(), recipient.bytes().begin(), recipient.bytes().end());
  return hkdf_sha256(shared.view(), salt, as_bytes(context), kAeadKeySize);
}

constexpr std::array<std::uint8_t, kAeadNonceSize> kZeroNonce{};

/// The y of every point of small order, little-endian, spelled as it should be and, for 0 and 1, as
/// y + p too. Such a "key" fits signatures that nobody made (the zero key fits one of zeros for a
/// quarter of all messages), and OpenSSL lets it pass.
constexpr std::array<std::string_view, 7> kSmallOrder = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

bool has_small_order(const SigningKeyId& key) {
  Bytes y = to_bytes(key.bytes());
  y.back() &= 0x7f;  // the highest bit is the sign of x
  return std::ranges::find(kSmallOrder, to_hex(y)) != kSmallOrder.end();
}

}  // namespace

SigningKey SigningKey::generate() {
  SecretBytes seed(kSecretSize);
  fill_random(seed.writable());
  Result<SigningKey> key = from_seed(seed.view());
  CHECK(key.has_value());
  return std::move(*key);
}

Result<SigningKey> SigningKey::from_seed(ByteView seed) {
  if (seed.size() != kSecretSize) {
    return fail(ErrorKind::kInvalidInput, "signing key: a seed has 32 bytes");
  }
  const KeyHandle key = private_key(EVP_PKEY_ED25519, seed);
  if (!key) return fail(ErrorKind::kInternal, "signing key: not accepted");
  return SigningKey(SecretBytes(seed), public_half<SigningKeyId>(key));
}

SigningKey SigningKey::clone() const {
  return SigningKey(seed_.clone(), public_key_);
}

Bytes SigningKey::sign(ByteView message) const {
  const KeyHandle key = private_key(EVP_PKEY_ED25519, seed_.view());
  const std::unique_ptr<EVP_MD_CTX, KeyFree> context(EVP_MD_CTX_new());
  CHECK(key && context);
  CHECK(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1);
  Bytes signature(kSignatureSize);
  std::size_t length = signature.size();
  CHECK(EVP_DigestSign(context.get(), signature.data(), &length, message.data(), message.size()) ==
        1);
  return signature;
}

bool verify_signature(const SigningKeyId& key, ByteView message, ByteView signature) {
  if (signature.size() != kSignatureSize || has_small_order(key)) return false;
  const KeyHandle handle(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.bytes().data(),
                                                     key.bytes().size()));
  const std::unique_ptr<EVP_MD_CTX, KeyFree> context(EVP_MD_CTX_new());
  if (!handle || !context) return false;
  if (EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, handle.get()) != 1)
    return false;
  return EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                          message.size()) == 1;
}

ExchangeKey ExchangeKey::generate() {
  SecretBytes secret(kSecretSize);
  fill_random(secret.writable());
  Result<ExchangeKey> key = from_bytes(secret.view());
  CHECK(key.has_value());
  return std::move(*key);
}

Result<ExchangeKey> ExchangeKey::from_bytes(ByteView secret) {
  if (secret.size() != kSecretSize) {
    return fail(ErrorKind::kInvalidInput, "exchange key: a key has 32 bytes");
  }
  const KeyHandle key = private_key(EVP_PKEY_X25519, secret);
  if (!key) return fail(ErrorKind::kInternal, "exchange key: not accepted");
  return ExchangeKey(SecretBytes(secret), public_half<ExchangeKeyId>(key));
}

Result<SecretBytes> ExchangeKey::agree(const ExchangeKeyId& peer) const {
  const KeyHandle mine = private_key(EVP_PKEY_X25519, secret_.view());
  const KeyHandle theirs(EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, peer.bytes().data(),
                                                     peer.bytes().size()));
  CHECK(mine && theirs);
  const std::unique_ptr<EVP_PKEY_CTX, KeyFree> context(EVP_PKEY_CTX_new(mine.get(), nullptr));
  CHECK(context && EVP_PKEY_derive_init(context.get()) == 1);
  SecretBytes shared(kSecretSize);
  std::size_t length = shared.size();
  // OpenSSL refuses an all-zero result, which is what every low-order point gives.
  if (EVP_PKEY_derive_set_peer(context.get(), theirs.get()) != 1 ||
      EVP_PKEY_derive(context.get(), shared.writable().data(), &length) != 1) {
    return fail(ErrorKind::kCrypto, "exchange key: the peer's key is not usable");
  }
  return shared;
}

Result<Bytes> seal_to(const ExchangeKeyId& recipient, std::string_view context, ByteView plain) {
  const ExchangeKey ephemeral = ExchangeKey::generate();
  ASSIGN_OR_RETURN(const SecretBytes shared, ephemeral.agree(recipient));
  Aead aead(box_key(shared, ephemeral.public_key(), recipient, context).view());
  Bytes out = to_bytes(ephemeral.public_key().bytes());
  const std::size_t head = out.size();
  out.resize(head + plain.size() + kAeadTagSize);
  aead.seal(kZeroNonce, as_bytes(context), plain, MutableByteView(out).subspan(head));
  return out;
}

Result<SecretBytes> open_with(const ExchangeKey& key, std::string_view context, ByteView sealed) {
  if (sealed.size() < ExchangeKeyId::kSize + kAeadTagSize) {
    return fail(ErrorKind::kCrypto, "sealed key: too short");
  }
  const auto ephemeral = ExchangeKeyId::from_bytes(sealed.first(ExchangeKeyId::kSize));
  CHECK(ephemeral.has_value());
  ASSIGN_OR_RETURN(const SecretBytes shared, key.agree(*ephemeral));
  Aead aead(box_key(shared, *ephemeral, key.public_key(), context).view());
  const ByteView body = sealed.subspan(ExchangeKeyId::kSize);
  SecretBytes plain(body.size() - kAeadTagSize);
  TRY(aead.open(kZeroNonce, as_bytes(context), body, plain.writable()));
  return plain;
}

}  // namespace obhut::crypto
