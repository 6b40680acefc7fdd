#include "agent/crypto/digest.h"

#include <array>

#include <blake3.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "agent/base/check.h"

namespace obhut::crypto {
namespace {

struct MdFree {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

}  // namespace

struct Sha256Stream::State {
  std::unique_ptr<EVP_MD_CTX, MdFree> context{EVP_MD_CTX_new()};
};

Sha256Stream::Sha256Stream() : state_(std::make_unique<State>()) {
  CHECK(state_->context != nullptr);
  CHECK(EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr) == 1);
}
Sha256Stream::~Sha256Stream() = default;
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&&) noexcept = default;

void Sha256Stream::update(ByteView bytes) {
  CHECK(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1);
}

Sha256 Sha256Stream::finish() {
  std::array<std::uint8_t, 32> out{};
  unsigned length = 0;
  CHECK(EVP_DigestFinal_ex(state_->context.get(), out.data(), &length) == 1 &&
        length == out.size());
  return Sha256(out);
}

Sha256 sha256(ByteView bytes) {
  Sha256Stream stream;
  stream.update(bytes);
  return stream.finish();
}

Sha256 hmac_sha256(ByteView key, ByteView message) {
  std::array<std::uint8_t, 32> out{};
  unsigned length = 0;
  CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), message.data(), message.size(),
             out.data(), &length) != nullptr);
  return Sha256(out);
}

struct KeyedBlake3Stream::State {
  blake3_hasher hasher{};
};

KeyedBlake3Stream::KeyedBlake3Stream(ByteView key) : state_(std::make_unique<State>()) {
  CHECK(key.size() == BLAKE3_KEY_LEN);
  blake3_hasher_init_keyed(&state_->hasher, key.data());
}
KeyedBlake3Stream::~KeyedBlake3Stream() = default;
KeyedBlake3Stream::KeyedBlake3Stream(KeyedBlake3Stream&&) noexcept = default;
KeyedBlake3Stream& KeyedBlake3Stream::operator=(KeyedBlake3Stream&&) noexcept = default;

void KeyedBlake3Stream::update(ByteView bytes) {
  blake3_hasher_update(&state_->hasher, bytes.data(), bytes.size());
}

BlobId KeyedBlake3Stream::finish() {
  std::array<std::uint8_t, 32> out{};
  blake3_hasher_finalize(&state_->hasher, out.data(), out.size());
  return BlobId(out);
}

BlobId keyed_blake3(ByteView key, ByteView bytes) {
  CHECK(key.size() == BLAKE3_KEY_LEN);
  blake3_hasher hasher;
  blake3_hasher_init_keyed(&hasher, key.data());
  blake3_hasher_update(&hasher, bytes.data(), bytes.size());
  std::array<std::uint8_t, 32> out{};
  blake3_hasher_finalize(&hasher, out.data(), out.size());
  return BlobId(out);
}

}  // namespace obhut::crypto
