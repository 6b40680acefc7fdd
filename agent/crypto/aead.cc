#include "agent/crypto/aead.h"

#include <algorithm>
#include <array>

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
constexpr std::size_t kOpenedAtOnce = 16U << 10U;

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

void Aead::begin_opening(ByteView nonce, ByteView associated) {
  CHECK(nonce.size() == kAeadNonceSize);
  EVP_CIPHER_CTX* context = state_->opening.get();
  int length = 0;
  CHECK(EVP_DecryptInit_ex(context, nullptr, nullptr, nullptr, nonce.data()) == 1);
  CHECK(EVP_DecryptUpdate(context, nullptr, &length, associated.data(),
                          static_cast<int>(associated.size())) == 1);
}

bool Aead::end_opening(ByteView tag) {
  EVP_CIPHER_CTX* context = state_->opening.get();
  std::array<std::uint8_t, kAeadTagSize> expected{};
  std::ranges::copy(tag, expected.begin());
  CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(expected.size()),
                            expected.data()) == 1);
  std::uint8_t nothing = 0;
  int length = 0;
  return EVP_DecryptFinal_ex(context, &nothing, &length) == 1;
}

Result<void> Aead::open(ByteView nonce, ByteView associated, ByteView sealed, MutableByteView out) {
  if (sealed.size() < kAeadTagSize || sealed.size() > kLargest) {
    return fail(ErrorKind::kCrypto, "aead: no room for a tag");
  }
  const std::size_t body = sealed.size() - kAeadTagSize;
  CHECK(out.size() == body);
  std::array<std::uint8_t, kAeadTagSize> tag{};  // `out` may lie over it
  std::ranges::copy(sealed.last(kAeadTagSize), tag.begin());
  begin_opening(nonce, associated);
  int length = 0;
  if (body > 0) {
    CHECK(EVP_DecryptUpdate(state_->opening.get(), out.data(), &length, sealed.data(),
                            static_cast<int>(body)) == 1);
  }
  if (!end_opening(tag)) {
    wipe(out);
    return fail(ErrorKind::kCrypto, "aead: tag mismatch");
  }
  return {};
}

bool Aead::opens_to(ByteView nonce, ByteView associated, ByteView sealed, ByteView plain) {
  if (sealed.size() > kLargest || sealed.size() != plain.size() + kAeadTagSize) return false;
  begin_opening(nonce, associated);
  std::array<std::uint8_t, kOpenedAtOnce> opened;
  bool same = true;
  for (std::size_t at = 0; at < plain.size() && same; at += opened.size()) {
    const ByteView expected = plain.subspan(at, std::min(opened.size(), plain.size() - at));
    int length = 0;
    CHECK(EVP_DecryptUpdate(state_->opening.get(), opened.data(), &length, &sealed[at],
                            static_cast<int>(expected.size())) == 1);
    same = equal(ByteView(opened).first(expected.size()), expected);
  }
  return same && end_opening(sealed.last(kAeadTagSize));
}

}  // namespace obhut::crypto
