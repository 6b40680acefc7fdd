#include "agent/crypto/kdf.h"

#include <bit>
#include <memory>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "agent/base/check.h"

namespace obhut::crypto {
namespace {

struct KdfFree {
  void operator()(EVP_KDF* kdf) const { EVP_KDF_free(kdf); }
  void operator()(EVP_KDF_CTX* context) const { EVP_KDF_CTX_free(context); }
};

std::unique_ptr<EVP_KDF_CTX, KdfFree> new_kdf(const char* name) {
  const std::unique_ptr<EVP_KDF, KdfFree> kdf(EVP_KDF_fetch(nullptr, name, nullptr));
  CHECK(kdf != nullptr);
  return std::unique_ptr<EVP_KDF_CTX, KdfFree>(EVP_KDF_CTX_new(kdf.get()));
}

OSSL_PARAM octets(const char* name, ByteView bytes) {
  // A null pointer is refused even where no byte is read through it.
  static const std::uint8_t kNothing = 0;
  if (bytes.empty()) bytes = {&kNothing, 0};
  // OpenSSL reads parameters through a pointer to non-const; it does not write them.
  return OSSL_PARAM_construct_octet_string(name, const_cast<std::uint8_t*>(bytes.data()),
                                           bytes.size());
}

}  // namespace

SecretBytes hkdf_sha256(ByteView key, ByteView salt, ByteView info, std::size_t length) {
  const auto context = new_kdf("HKDF");
  char digest[] = "SHA256";
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
                               octets(OSSL_KDF_PARAM_KEY, key), octets(OSSL_KDF_PARAM_SALT, salt),
                               octets(OSSL_KDF_PARAM_INFO, info), OSSL_PARAM_construct_end()};
  SecretBytes out(length);
  CHECK(EVP_KDF_derive(context.get(), out.writable().data(), length, params) == 1);
  return out;
}

Result<SecretBytes> scrypt(ByteView passphrase, ByteView salt, const ScryptCost& cost,
                           std::size_t length) {
  const bool bounded = cost.n >= 2 && cost.n <= 1U << 20U && std::has_single_bit(cost.n) &&
                       cost.r >= 1 && cost.r <= 8 && cost.p >= 1 && cost.p <= 4;
  if (!bounded) return fail(ErrorKind::kInvalidInput, "scrypt: cost out of bounds");
  constexpr std::uint64_t kMemory = std::uint64_t{3} << 30U;
  SecretBytes out(length);
  if (EVP_PBE_scrypt(reinterpret_cast<const char*>(passphrase.data()), passphrase.size(),
                     salt.data(), salt.size(), cost.n, cost.r, cost.p, kMemory,
                     out.writable().data(), length) != 1) {
    return fail(ErrorKind::kInternal, "scrypt: out of memory");
  }
  return out;
}

}  // namespace obhut::crypto
