#include "service/cluster/tls/authority.h"

#include <cstring>
#include <memory>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "agent/crypto/digest.h"

namespace obhut::cluster::tls {
namespace {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* value) const {
    Free(value);
  }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using CertPtr = std::unique_ptr<X509, Freed<X509_free>>;
using BioPtr = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;

constexpr std::chrono::days kAuthorityLife{20 * 365 + 5};
constexpr std::chrono::days kServerLife{365};
/// Clients' clocks may be behind ours.
constexpr std::chrono::days kGrace{1};

std::unexpected<Error> openssl_error(std::string_view what) {
  char text[256] = {};
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  return fail(ErrorKind::kInternal, std::string(what) + ": " + text);
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

BioPtr bio_of(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

bool set_time(ASN1_TIME* field, Instant at) {
  return ASN1_TIME_set(field, std::chrono::system_clock::to_time_t(
                                  std::chrono::time_point_cast<std::chrono::seconds>(at))) !=
         nullptr;
}

bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool set_common_name(X509_NAME* name, std::string_view text) {
  return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(text.data()),
                                    static_cast<int>(text.size()), -1, 0) == 1;
}

/// Version, random serial number, times and key.
Result<CertPtr> blank(EVP_PKEY* key, std::string_view name, Instant now, std::chrono::days life) {
  CertPtr certificate(X509_new());
  unsigned char serial[16];
  if (!certificate || RAND_bytes(serial, sizeof serial) != 1) return openssl_error("certificate");
  serial[0] &= 0x7F;
  const std::unique_ptr<BIGNUM, Freed<BN_free>> number(BN_bin2bn(serial, sizeof serial, nullptr));
  if (!number || X509_set_version(certificate.get(), 2) != 1 ||
      BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate.get())) == nullptr ||
      !set_time(X509_getm_notBefore(certificate.get()), now - kGrace) ||
      !set_time(X509_getm_notAfter(certificate.get()), now + life) ||
      X509_set_pubkey(certificate.get(), key) != 1 ||
      !set_common_name(X509_get_subject_name(certificate.get()), name)) {
    return openssl_error("certificate");
  }
  return certificate;
}

Result<Certificate> to_pem(X509* certificate, EVP_PKEY* key) {
  const BioPtr certificate_text(BIO_new(BIO_s_mem()));
  const BioPtr key_text(BIO_new(BIO_s_secmem()));
  if (!certificate_text || !key_text ||
      PEM_write_bio_X509(certificate_text.get(), certificate) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(key_text.get(), key, nullptr, nullptr, 0, nullptr, nullptr) !=
          1) {
    return openssl_error("certificate as text");
  }
  return Certificate{text_of(certificate_text.get()), text_of(key_text.get())};
}

bool is_address(const std::string& name) {
  const std::unique_ptr<ASN1_OCTET_STRING, Freed<ASN1_OCTET_STRING_free>> address(
      a2i_IPADDRESS(name.c_str()));
  ERR_clear_error();
  return address != nullptr;
}

/// Refuses what would smuggle further extensions into the configuration text.
bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= 253 &&
         name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
             ".-:*") == std::string::npos;
}

std::string address_text(const ASN1_OCTET_STRING* address) {
  const unsigned char* data = ASN1_STRING_get0_data(address);
  const int size = ASN1_STRING_length(address);
  std::string text;
  char part[8];
  if (size == 4) {
    for (int i = 0; i < 4; ++i) {
      std::snprintf(part, sizeof part, i == 0 ? "%d" : ".%d", data[i]);
      text += part;
    }
  } else if (size == 16) {
    bool loopback = data[15] == 1;
    for (int i = 0; i < 15; ++i) loopback = loopback && data[i] == 0;
    if (loopback) return "::1";
    for (int i = 0; i < 16; i += 2) {
      std::snprintf(part, sizeof part, i == 0 ? "%x" : ":%x", data[i] * 256 + data[i + 1]);
      text += part;
    }
  }
  return text;
}

}  // namespace

Result<Certificate> make_authority(std::string_view name, Instant now) {
  const KeyPtr key(EVP_EC_gen("P-256"));
  if (!key) return openssl_error("certificate key");
  ASSIGN_OR_RETURN(const CertPtr certificate, blank(key.get(), name, now, kAuthorityLife));
  X509* cert = certificate.get();
  if (X509_set_issuer_name(cert, X509_get_subject_name(cert)) != 1 ||
      !add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !add_extension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !add_extension(cert, cert, NID_subject_key_identifier, "hash") ||
      X509_sign(cert, key.get(), EVP_sha256()) == 0) {
    return openssl_error("authority certificate");
  }
  return to_pem(cert, key.get());
}

Result<Certificate> issue_server(const Certificate& authority,
                                 const std::vector<std::string>& names, Instant now) {
  const CertPtr issuer(PEM_read_bio_X509(bio_of(authority.pem).get(), nullptr, nullptr, nullptr));
  const KeyPtr issuer_key(
      PEM_read_bio_PrivateKey(bio_of(authority.key).get(), nullptr, nullptr, nullptr));
  const KeyPtr key(EVP_EC_gen("P-256"));
  if (!issuer || !issuer_key || !key || names.empty()) return openssl_error("authority");
  std::string alternatives;
  for (const std::string& name : names) {
    if (!is_name(name)) return fail(ErrorKind::kInvalidInput, "no name for a certificate: " + name);
    if (!alternatives.empty()) alternatives += ",";
    alternatives += (is_address(name) ? "IP:" : "DNS:") + name;
  }
  // The common name is for people only and limited to 64 characters.
  ASSIGN_OR_RETURN(const CertPtr certificate,
                   blank(key.get(), names.front().substr(0, 64), now, kServerLife));
  X509* cert = certificate.get();
  if (X509_set_issuer_name(cert, X509_get_subject_name(issuer.get())) != 1 ||
      !add_extension(cert, issuer.get(), NID_basic_constraints, "critical,CA:FALSE") ||
      !add_extension(cert, issuer.get(), NID_key_usage, "critical,digitalSignature") ||
      !add_extension(cert, issuer.get(), NID_ext_key_usage, "serverAuth") ||
      !add_extension(cert, issuer.get(), NID_subject_key_identifier, "hash") ||
      !add_extension(cert, issuer.get(), NID_authority_key_identifier, "keyid") ||
      !add_extension(cert, issuer.get(), NID_subject_alt_name, alternatives) ||
      X509_sign(cert, issuer_key.get(), EVP_sha256()) == 0) {
    return openssl_error("server certificate");
  }
  return to_pem(cert, key.get());
}

Result<CertificateFacts> read_certificate(std::string_view pem) {
  const CertPtr certificate(PEM_read_bio_X509(bio_of(pem).get(), nullptr, nullptr, nullptr));
  if (!certificate) {
    ERR_clear_error();
    return fail(ErrorKind::kCorrupt, "not a certificate in PEM");
  }
  CertificateFacts facts;
  std::tm end{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &end) != 1) {
    return openssl_error("certificate time");
  }
  using namespace std::chrono;
  facts.not_after = sys_days{year{end.tm_year + 1900} / (end.tm_mon + 1) / end.tm_mday} +
                    hours{end.tm_hour} + minutes{end.tm_min} + seconds{end.tm_sec};
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &der);
  if (size <= 0) return openssl_error("certificate key");
  facts.pin = crypto::sha256({der, static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  const NamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) {
      facts.names.emplace_back(
          reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
          static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
    } else if (name->type == GEN_IPADD) {
      facts.names.push_back(address_text(name->d.iPAddress));
    }
  }
  return facts;
}

bool key_fits(std::string_view pem, std::string_view key) {
  const CertPtr certificate(PEM_read_bio_X509(bio_of(pem).get(), nullptr, nullptr, nullptr));
  const KeyPtr private_key(PEM_read_bio_PrivateKey(bio_of(key).get(), nullptr, nullptr, nullptr));
  const bool fits = certificate && private_key &&
                    X509_check_private_key(certificate.get(), private_key.get()) == 1;
  ERR_clear_error();
  return fits;
}

}  // namespace obhut::cluster::tls
