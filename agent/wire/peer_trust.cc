#include "agent/wire/peer_trust.h"

#include <ctime>
#include <memory>
#include <vector>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "agent/crypto/digest.h"

namespace obhut::wire {

namespace {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* value) const {
    Free(value);
  }
};
using CertPtr = std::unique_ptr<X509, Freer<X509_free>>;
using StorePtr = std::unique_ptr<X509_STORE, Freer<X509_STORE_free>>;
using StoreContextPtr = std::unique_ptr<X509_STORE_CTX, Freer<X509_STORE_CTX_free>>;
using BioPtr = std::unique_ptr<BIO, Freer<BIO_free>>;

// An endpoint whose clock is two days off must still reach its cluster; a certificate that is
// weeks past its end must not pass.
constexpr std::time_t kClockTolerance = std::time_t{3} * 24 * 3600;

std::vector<CertPtr> read_pem(const std::string& pem) {
  std::vector<CertPtr> certs;
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  while (X509* cert = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))
    certs.emplace_back(cert);
  return certs;
}

std::optional<Sha256> spki_hash(X509* cert) {
  unsigned char* der = nullptr;
  const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
  if (length <= 0) return std::nullopt;
  const Sha256 hash = crypto::sha256({der, static_cast<std::size_t>(length)});
  OPENSSL_free(der);
  return hash;
}

bool counts(X509* cert, const Trust& trust) {
  return !trust.spki_pin || spki_hash(cert) == trust.spki_pin;
}

/// A store with the trusted anchors alone: ours, or the pinned one out of what the peer sent.
StorePtr anchors_of(const Trust& trust, STACK_OF(X509) * sent) {
  StorePtr store(X509_STORE_new());
  bool any = false;
  const auto add = [&](X509* cert) {
    // A leaf with the pinned key is no anchor: the pin is the CA's.
    if (counts(cert, trust) && X509_check_ca(cert) > 0)
      any |= X509_STORE_add_cert(store.get(), cert) == 1;
  };
  if (!trust.ca_pem.empty()) {
    for (const CertPtr& cert : read_pem(trust.ca_pem)) add(cert.get());
  } else if (trust.spki_pin) {
    for (int i = 0; i < sk_X509_num(sent); ++i) add(sk_X509_value(sent, i));
  }
  if (!any) return nullptr;
  return store;
}

bool is_address(const std::string& host) {
  ASN1_OCTET_STRING* address = a2i_IPADDRESS(host.c_str());
  const bool is = address != nullptr;
  ASN1_OCTET_STRING_free(address);
  return is;
}

/// The verifier's verdict at a point in time: X509_V_OK or its error.
int verify_at(X509_STORE* anchors, X509* leaf, STACK_OF(X509) * sent, const std::string& host,
              std::time_t at) {
  const StoreContextPtr context(X509_STORE_CTX_new());
  if (!context || X509_STORE_CTX_init(context.get(), anchors, leaf, sent) != 1) {
    return X509_V_ERR_OUT_OF_MEM;
  }
  X509_STORE_CTX_set_default(context.get(), "ssl_server");
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const int named = is_address(host)
                        ? X509_VERIFY_PARAM_set1_ip_asc(param, host.c_str())
                        : X509_VERIFY_PARAM_set1_host(param, host.c_str(), host.size());
  if (named != 1) return X509_V_ERR_HOSTNAME_MISMATCH;
  X509_VERIFY_PARAM_set_time(param, at);
  if (X509_verify_cert(context.get()) == 1) return X509_V_OK;
  const int error = X509_STORE_CTX_get_error(context.get());
  return error == X509_V_OK ? X509_V_ERR_UNSPECIFIED : error;
}

int verify(const Trust& trust, const std::string& host, X509* leaf, STACK_OF(X509) * sent) {
  const StorePtr anchors = anchors_of(trust, sent);
  if (!anchors) return X509_V_ERR_CERT_UNTRUSTED;
  const std::time_t now = std::time(nullptr);
  int verdict = verify_at(anchors.get(), leaf, sent, host, now);
  if (verdict == X509_V_ERR_CERT_NOT_YET_VALID) {
    verdict = verify_at(anchors.get(), leaf, sent, host, now + kClockTolerance);
  } else if (verdict == X509_V_ERR_CERT_HAS_EXPIRED) {
    verdict = verify_at(anchors.get(), leaf, sent, host, now - kClockTolerance);
  }
  return verdict;
}

}  // namespace

struct PeerTrustCallback {
  static int check(X509_STORE_CTX* context, void* self) {
    auto* trust = static_cast<PeerTrust*>(self);
    X509* leaf = X509_STORE_CTX_get0_cert(context);
    const int verdict = leaf == nullptr ? X509_V_ERR_UNSPECIFIED
                                        : verify(trust->trust_, trust->host_, leaf,
                                                 X509_STORE_CTX_get0_untrusted(context));
    X509_STORE_CTX_set_error(context, verdict);
    if (verdict == X509_V_OK) return 1;
    trust->refusal_.with([&](std::string& why) {
      why = verdict == X509_V_ERR_CERT_UNTRUSTED ? "it does not come from the pinned authority"
                                                 : X509_verify_cert_error_string(verdict);
    });
    return 0;
  }
};

Result<void> PeerTrust::install(ssl_ctx_st* context) {
  if (!trust_.ca_pem.empty() && read_pem(trust_.ca_pem).empty()) {
    return fail(ErrorKind::kInvalidInput,
                "trust for " + host_ + ": no certificate in the PEM text");
  }
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  // What the library loaded from the system goes; the callback below brings its own anchors.
  SSL_CTX_set_cert_store(context, X509_STORE_new());
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context, &PeerTrustCallback::check, this);
  return {};
}

std::string PeerTrust::take_refusal() {
  return refusal_.with([](std::string& why) { return std::exchange(why, {}); });
}

}  // namespace obhut::wire
