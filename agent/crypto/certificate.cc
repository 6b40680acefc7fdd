#include "agent/crypto/certificate.h"

#include <memory>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "agent/crypto/digest.h"

namespace obhut::crypto {
namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(unsigned char* der) const { OPENSSL_free(der); }
};

constexpr std::size_t kMaxPem = std::size_t{1} << 20U;

}  // namespace

Result<Sha256> certificate_pin(std::string_view pem) {
  const auto missing = [] {
    return fail(ErrorKind::kInvalidInput, "certificate: no PEM certificate found");
  };
  if (pem.size() > kMaxPem) return missing();
  const std::unique_ptr<BIO, Free> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) return missing();
  // No callback for a passphrase: the library would ask on the terminal.
  const auto no_passphrase = [](char*, int, int, void*) { return -1; };
  const std::unique_ptr<X509, Free> certificate(
      PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr));
  if (!certificate) return missing();
  unsigned char* der = nullptr;
  const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &der);
  const std::unique_ptr<unsigned char, Free> owner(der);
  if (length <= 0) return missing();
  return sha256({der, static_cast<std::size_t>(length)});
}

}  // namespace obhut::crypto
