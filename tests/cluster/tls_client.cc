#include "tests/cluster/tls_client.h"

#include <algorithm>
#include <cctype>
#include <csignal>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace obhut::cluster::test {

using Clock = std::chrono::steady_clock;

struct TlsClient::State {
  ~State() {
    if (ssl != nullptr) SSL_free(ssl);
    if (context != nullptr) SSL_CTX_free(context);
    if (fd >= 0) close(fd);
  }
  bool wait(Clock::time_point until) const {
    if (ssl != nullptr && SSL_pending(ssl) > 0) return true;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
    pollfd item{fd, POLLIN, 0};
    // Whoever was held up for the whole time looks once.
    return poll(&item, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0))) > 0;
  }
  /// False at the end of the connection or of the patience.
  bool fill(Clock::time_point until) {
    if (ssl == nullptr) return false;
    char block[65536];
    while (true) {
      if (!wait(until)) return false;
      const int n = SSL_read(ssl, block, sizeof block);
      if (n > 0) {
        buffer.append(block, static_cast<std::size_t>(n));
        return true;
      }
      const int error = SSL_get_error(ssl, n);
      if (error == SSL_ERROR_WANT_READ) continue;
      ended = true;
      return false;
    }
  }
  int fd = -1;
  SSL_CTX* context = nullptr;
  SSL* ssl = nullptr;
  bool good = false;
  bool ended = false;
  std::string buffer;
};

TlsClient::TlsClient(std::uint16_t port, const std::string& ca_pem, Handshake handshake)
    : state_(std::make_unique<State>()) {
  // Writing to a server that has closed is what many tests do.
  std::signal(SIGPIPE, SIG_IGN);
  state_->fd = socket(AF_INET, SOCK_STREAM, 0);
  // A test that waits for ever names no culprit.
  const timeval longest{30, 0};
  setsockopt(state_->fd, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest);
  setsockopt(state_->fd, SOL_SOCKET, SO_SNDTIMEO, &longest, sizeof longest);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(state_->fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return;
  if (handshake == Handshake::kSkip) return;
  state_->context = SSL_CTX_new(TLS_client_method());
  // Reading gives up after a record that holds no answer, such as a session ticket, rather than
  // wait for the next one past the caller's patience.
  SSL_CTX_clear_mode(state_->context, SSL_MODE_AUTO_RETRY);
  BIO* bio = BIO_new_mem_buf(ca_pem.data(), static_cast<int>(ca_pem.size()));
  X509* ca = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(state_->context), ca);
  X509_free(ca);
  BIO_free(bio);
  SSL_CTX_set_verify(state_->context, SSL_VERIFY_PEER, nullptr);
  state_->ssl = SSL_new(state_->context);
  X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(state_->ssl), "127.0.0.1");
  SSL_set_fd(state_->ssl, state_->fd);
  state_->good = SSL_connect(state_->ssl) == 1;
  ERR_clear_error();
}

TlsClient::~TlsClient() = default;
TlsClient::TlsClient(TlsClient&&) noexcept = default;
TlsClient& TlsClient::operator=(TlsClient&&) noexcept = default;

bool TlsClient::connected() const {
  return state_->good;
}

bool TlsClient::send(std::string_view bytes) {
  // Nobody listened: a server that was killed before the connection was made.
  if (state_->ssl == nullptr) return false;
  while (!bytes.empty()) {
    const int n = SSL_write(state_->ssl, bytes.data(),
                            static_cast<int>(std::min<std::size_t>(bytes.size(), 1U << 20U)));
    if (n <= 0) {
      ERR_clear_error();
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool TlsClient::send_plain(std::string_view bytes) {
  return ::send(state_->fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(bytes.size());
}

std::optional<Reply> TlsClient::receive(std::chrono::milliseconds patience) {
  const Clock::time_point until = Clock::now() + patience;
  std::string& buffer = state_->buffer;
  std::size_t end = 0;
  while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
    if (!state_->fill(until)) return std::nullopt;
  }
  Reply reply;
  reply.head = buffer.substr(0, end);
  buffer.erase(0, end + 4);
  reply.status = std::atoi(reply.head.substr(9, 3).c_str());
  std::size_t line = reply.head.find("\r\n");
  while (line != std::string::npos) {
    const std::size_t next = reply.head.find("\r\n", line + 2);
    const std::string text = reply.head.substr(line + 2, next - line - 2);
    const std::size_t colon = text.find(": ");
    std::string name = text.substr(0, colon);
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (colon != std::string::npos) reply.headers[name] = text.substr(colon + 2);
    line = next;
  }
  const std::size_t length =
      reply.headers.contains("content-length") ? std::stoull(reply.headers["content-length"]) : 0;
  while (buffer.size() < length) {
    if (!state_->fill(until)) return std::nullopt;
  }
  reply.body = buffer.substr(0, length);
  buffer.erase(0, length);
  return reply;
}

bool TlsClient::closed_within(std::chrono::milliseconds patience) {
  const Clock::time_point until = Clock::now() + patience;
  if (state_->ssl != nullptr) {
    if (!state_->buffer.empty()) return false;
    return !state_->fill(until) && state_->ended;
  }
  if (!state_->wait(until)) return false;
  char byte = 0;
  return recv(state_->fd, &byte, 1, 0) <= 0;
}

void TlsClient::abort(bool reset) {
  if (reset) {
    const linger off{1, 0};
    setsockopt(state_->fd, SOL_SOCKET, SO_LINGER, &off, sizeof off);
  }
  close(state_->fd);
  state_->fd = -1;
}

std::optional<Reply> TlsClient::request(std::string_view method, std::string_view path,
                                        const HeaderList& headers, std::string_view body) {
  std::string head = std::string(method) + " " + std::string(path) + " HTTP/1.1\r\n";
  bool host = false;
  bool length = false;
  for (const auto& [name, value] : headers) {
    head += name + ": " + value + "\r\n";
    host = host || name == "Host";
    length = length || name == "Content-Length" || name == "Transfer-Encoding";
  }
  if (!host) head += "Host: 127.0.0.1\r\n";
  if (!length && (!body.empty() || method == "POST" || method == "PUT")) {
    head += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  }
  if (!send(head + "\r\n")) return std::nullopt;
  // ignored: an early answer may close the connection before the body is out
  (void)send(body);
  return receive();
}

}  // namespace obhut::cluster::test
