#include "tests/wire/tls_server.h"

#include <csignal>
#include <mutex>
#include <utility>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/base/check.h"
#include "agent/crypto/digest.h"

namespace obhut::wire {

namespace {

struct Identity {
  EVP_PKEY* key = nullptr;
  X509* cert = nullptr;
  Identity() = default;
  Identity(Identity&& other) noexcept
      : key(std::exchange(other.key, nullptr)), cert(std::exchange(other.cert, nullptr)) {}
  Identity& operator=(Identity&&) = delete;
  ~Identity() {
    EVP_PKEY_free(key);
    X509_free(cert);
  }
};

void add_extension(X509* cert, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  CHECK(extension != nullptr);
  X509_add_ext(cert, extension, -1);
  X509_EXTENSION_free(extension);
}

/// A certificate for a new key; signed by itself where there is no `issuer`.
Identity make_identity(const Identity* issuer, const CertificateWish& wish) {
  static std::atomic<long> serial = 1;
  Identity made;
  made.key = EVP_EC_gen("P-256");
  made.cert = X509_new();
  CHECK(made.key != nullptr && made.cert != nullptr);
  X509_set_version(made.cert, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made.cert), serial++);
  const auto shift = [](std::chrono::hours by) { return static_cast<long>(by.count()) * 3600; };
  X509_gmtime_adj(X509_getm_notBefore(made.cert), shift(wish.not_before));
  X509_gmtime_adj(X509_getm_notAfter(made.cert), shift(wish.not_after));
  X509_set_pubkey(made.cert, made.key);
  X509_NAME* name = X509_get_subject_name(made.cert);
  const std::string common = issuer ? wish.host : "test authority";
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common.c_str()), -1, -1, 0);
  X509* signer = issuer ? issuer->cert : made.cert;
  X509_set_issuer_name(made.cert, X509_get_subject_name(signer));
  add_extension(made.cert, signer, NID_basic_constraints, issuer ? "CA:FALSE" : "critical,CA:TRUE");
  if (issuer) {
    const bool address = wish.host.find_first_not_of("0123456789.") == std::string::npos;
    add_extension(made.cert, signer, NID_subject_alt_name, (address ? "IP:" : "DNS:") + wish.host);
  }
  CHECK(X509_sign(made.cert, issuer ? issuer->key : made.key, EVP_sha256()) > 0);
  return made;
}

}  // namespace

struct TestAuthority::State {
  Identity identity;
};

TestAuthority::TestAuthority()
    : state_(new State{make_identity(
          nullptr, {"", std::chrono::hours(-24 * 365), std::chrono::hours(24 * 365)})}) {}
TestAuthority::~TestAuthority() = default;

std::string TestAuthority::pem() const {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, state_->identity.cert);
  char* data = nullptr;
  const long length = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(length));
  BIO_free(bio);
  return text;
}

Sha256 TestAuthority::spki() const {
  unsigned char* der = nullptr;
  const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(state_->identity.cert), &der);
  const Sha256 hash = crypto::sha256({der, static_cast<std::size_t>(length)});
  OPENSSL_free(der);
  return hash;
}

std::string TlsPeer::read_request() {
  const auto whole = [&]() -> std::size_t {
    const std::size_t end = pending_.find("\r\n\r\n");
    if (end == std::string::npos) return 0;
    std::size_t length = 0;
    if (const std::size_t at = pending_.find("Content-Length:");
        at != std::string::npos && at < end) {
      length = std::stoul(pending_.substr(at + 15, 20));
    }
    return pending_.size() >= end + 4 + length ? end + 4 + length : 0;
  };
  char buffer[16'384];
  while (whole() == 0) {
    const int got = SSL_read(static_cast<SSL*>(ssl_), buffer, sizeof buffer);
    if (got <= 0) return {};
    pending_.append(buffer, static_cast<std::size_t>(got));
  }
  const std::size_t length = whole();
  std::string request = pending_.substr(0, length);
  pending_.erase(0, length);
  return request;
}

std::size_t TlsPeer::read_some() {
  char buffer[16'384];
  const int got = SSL_read(static_cast<SSL*>(ssl_), buffer, sizeof buffer);
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

void TlsPeer::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t part = std::min<std::size_t>(bytes.size(), 65'536);
    const int put = SSL_write(static_cast<SSL*>(ssl_), bytes.data(), static_cast<int>(part));
    if (put <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
}

void TlsPeer::stall() {
  pollfd watched{SSL_get_fd(static_cast<SSL*>(ssl_)), POLLIN, 0};
  while (!closing_) {
    if (poll(&watched, 1, 50) > 0) {
      char byte = 0;
      if (recv(watched.fd, &byte, 1, MSG_PEEK) <= 0) return;
      std::this_thread::yield();
    }
  }
}

struct TlsServer::State {
  SSL_CTX* context = nullptr;
  int listener = -1;
  int port = 0;
  std::mutex mutex;
  std::vector<int> open;
};

TlsServer::TlsServer(const TestAuthority& authority, const CertificateWish& wish,
                     std::function<void(TlsPeer&)> serve)
    : state_(std::make_unique<State>()), serve_(std::move(serve)) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to sockets that the client has closed
  const Identity& ca = authority.state_->identity;
  const Identity own = make_identity(&ca, wish);
  state_->context = SSL_CTX_new(TLS_server_method());
  CHECK(SSL_CTX_use_certificate(state_->context, own.cert) == 1);
  CHECK(SSL_CTX_use_PrivateKey(state_->context, own.key) == 1);
  X509_up_ref(ca.cert);
  SSL_CTX_add_extra_chain_cert(state_->context, ca.cert);

  state_->listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(bind(state_->listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  CHECK(listen(state_->listener, 64) == 0);
  socklen_t size = sizeof address;
  getsockname(state_->listener, reinterpret_cast<sockaddr*>(&address), &size);
  state_->port = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

TlsServer::~TlsServer() {
  closing_ = true;
  shutdown(state_->listener, SHUT_RDWR);
  acceptor_.join();
  {
    const std::scoped_lock lock(state_->mutex);
    for (const int fd : state_->open) shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
  close(state_->listener);
  SSL_CTX_free(state_->context);
}

void TlsServer::accept_all() {
  while (!closing_) {
    const int fd = accept(state_->listener, nullptr, nullptr);
    if (fd < 0) return;
    ++connections_;
    {
      const std::scoped_lock lock(state_->mutex);
      state_->open.push_back(fd);
    }
    threads_.emplace_back([this, fd] {
      SSL* ssl = SSL_new(state_->context);
      SSL_set_fd(ssl, fd);
      if (SSL_accept(ssl) == 1) {
        TlsPeer peer(ssl, closing_);
        serve_(peer);
        SSL_shutdown(ssl);
      }
      SSL_free(ssl);
      const std::scoped_lock lock(state_->mutex);
      std::erase(state_->open, fd);
      close(fd);
    });
  }
}

std::string TlsServer::url(std::string_view path) const {
  return "https://localhost:" + std::to_string(state_->port) + std::string(path);
}

std::string http_answer(int status, std::string_view body, std::string_view more_headers) {
  return "HTTP/1.1 " + std::to_string(status) +
         " Because\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(more_headers) + "\r\n" + std::string(body);
}

}  // namespace obhut::wire
