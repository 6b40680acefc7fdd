#include "agent/crypto/aead.h"

#include <openssl/evp.h>

#include "agent/base/check.h"
#include "agent/crypto/secret.h"

namespace obhut::crypto {
namespace {

struct CipherFree {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, CipherFree>;

constexpr std::size_t kLargest = 1U << 30U;

}  // namespace

struct Aead::State {
  CipherContext sealing{EVP_CIPHER_CTX_new()};
  CipherContext opening{EVP_CIPHER_CTX_new()};
};

Aead::Aead(ByteView key) : state_(std::make_unique<State>()) {
  CHECK(key.size() == kAeadKeySize);
  CHECK(EVP_EncryptInit_ex(state_->sealing.get(), EVP_aes_256_gcm(), nullptr, key.data(),
                           nullptr) == 1);
  CHECK(EVP_DecryptInit_ex(state_->opening.get(), EVP_aes_256_gcm(), nullptr, key.data(),
                           nullptr) == 1);
}
Aead::~Aead() = default;
Aead::Aead(Aead&&) noexcept = default;
Aead& Aead::operator=(Aead&&) noexcept = default;

void Aead::seal(ByteView nonce, ByteView associated, ByteView plain, MutableByteView out) {
  CHECK(nonce.size() == kAeadNonceSize && plain.size() <= kLargest);
  CHECK(out.size() == plain.size() + kAeadTagSize);
  EVP_CIPHER_CTX* context = state_->sealing.get();
  int length = 0;
  CHECK(EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, nonce.data()) == 1);
  CHECK(EVP_EncryptUpdate(context, nullptr, &length, associated.data(),
                          static_cast<int>(associated.size())) == 1);
  if (!plain.empty()) {
    CHECK(EVP_EncryptUpdate(context, out.data(), &length, plain.data(),
                            static_cast<int>(plain.size())) == 1);
  }
  CHECK(EVP_EncryptFinal_ex(context, out.data() + plain.size(), &length) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, static_cast<int>(kAeadTagSize),
                            out.data() + plain.size()) == 1);
}

Result<void> Aead::open(ByteView nonce, ByteView associated, ByteView sealed, MutableByteView out) {
  CHECK(nonce.size() == kAeadNonceSize);
  if (sealed.size() < kAeadTagSize || sealed.size() > kLargest) {
    return fail(ErrorKind::kCrypto, "aead: no room for a tag");
  }
  const std::size_t body = sealed.size() - kAeadTagSize;
  CHECK(out.size() == body);
  EVP_CIPHER_CTX* context = state_->opening.get();
  std::uint8_t tag[kAeadTagSize];
  std::memcpy(tag, sealed.data() + body, sizeof tag);
  int length = 0;
  CHECK(EVP_DecryptInit_ex(context, nullptr, nullptr, nullptr, nonce.data()) == 1);
  CHECK(EVP_DecryptUpdate(context, nullptr, &length, associated.data(),
                          static_cast<int>(associated.size())) == 1);
  if (body > 0) {
    CHECK(EVP_DecryptUpdate(context, out.data(), &length, sealed.data(), static_cast<int>(body)) ==
          1);
  }
  CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(sizeof tag), tag) ==
        1);
  std::uint8_t nothing = 0;
  if (EVP_DecryptFinal_ex(context, &nothing, &length) != 1) {
    wipe(out);
    return fail(ErrorKind::kCrypto, "aead: tag mismatch");
  }
  return {};
}

}  // namespace obhut::crypto
