#include "tests/cluster/https_receiver.h"

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/atomic_file.h"
#include "platform/local_files.h"

namespace obhut::cluster::test {

TestAuthority::TestAuthority()
    : root(tls::make_authority("receivers", SystemClock().now()).value()),
      leaf(issue("127.0.0.1")),
      folder(platform::make_temporary_directory("obhut-receiver-").value()) {
  EXPECT_TRUE(platform::write_file(file(), as_bytes(root.pem)));
}

TestAuthority::~TestAuthority() {
  (void)platform::remove_tree(folder);  // ignored: a left-over is harmless
}

tls::Certificate TestAuthority::issue(const std::string& name) const {
  return tls::issue_server(root, {name}, SystemClock().now()).value();
}

namespace {

/// Reads until the body is whole; nothing where the peer is gone before.
std::optional<Received> read_request(SSL* ssl) {
  std::string text;
  std::size_t end = std::string::npos;
  const auto more = [&] {
    char block[16384];
    const int n = SSL_read(ssl, block, sizeof block);
    if (n > 0) text.append(block, static_cast<std::size_t>(n));
    return n > 0;
  };
  while ((end = text.find("\r\n\r\n")) == std::string::npos) {
    if (!more()) return std::nullopt;
  }
  Received request;
  const std::string head = text.substr(0, end);
  const std::size_t first = head.find(' ');
  request.path = head.substr(first + 1, head.find(' ', first + 1) - first - 1);
  for (std::size_t line = head.find("\r\n"); line != std::string::npos;) {
    const std::size_t next = head.find("\r\n", line + 2);
    const std::string header = head.substr(line + 2, next - line - 2);
    const std::size_t colon = header.find(": ");
    std::string name = header.substr(0, colon);
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (colon != std::string::npos) request.headers[name] = header.substr(colon + 2);
    line = next;
  }
  const auto length = request.headers.find("content-length");
  const std::size_t size = length == request.headers.end() ? 0 : std::stoull(length->second);
  while (text.size() < end + 4 + size) {
    if (!more()) return std::nullopt;
  }
  request.body = text.substr(end + 4, size);
  return request;
}

bool write_all(SSL* ssl, std::string_view bytes) {
  return bytes.empty() || SSL_write(ssl, bytes.data(), static_cast<int>(bytes.size())) > 0;
}

}  // namespace

struct HttpsReceiver::State {
  void accept_all() {
    while (true) {
      const int peer = accept(listener, nullptr, nullptr);
      if (peer < 0) return;
      const std::scoped_lock lock(mutex);
      if (ending) {
        close(peer);
        return;
      }
      ++connections;
      peers.insert(peer);
      threads.emplace_back([this, peer] { serve(peer); });
    }
  }
  void serve(int peer) {
    SSL* ssl = SSL_new(context);
    SSL_set_fd(ssl, peer);
    if (SSL_accept(ssl) == 1) {
      if (const auto request = read_request(ssl)) react_to(ssl, *request);
    }
    ERR_clear_error();
    SSL_free(ssl);
    const std::scoped_lock lock(mutex);
    peers.erase(peer);
    close(peer);
  }
  void react_to(SSL* ssl, const Received& request) {
    std::function<Reaction(const Received&)> chosen;
    {
      const std::scoped_lock lock(mutex);
      received.push_back(request);
      chosen = reaction;
    }
    came.notify_all();
    const Reaction todo = chosen(request);
    bool open = write_all(ssl, todo.bytes);
    const std::string flood(16384, 'x');
    while (open && todo.then == Reaction::Then::kFlood) open = write_all(ssl, flood);
    char byte = 0;
    if (todo.then == Reaction::Then::kHang) (void)SSL_read(ssl, &byte, 1);  // until the peer goes
    if (todo.then == Reaction::Then::kClose && !todo.bytes.empty()) SSL_shutdown(ssl);
  }

  int listener = -1;
  std::uint16_t port = 0;
  SSL_CTX* context = nullptr;
  std::mutex mutex;
  std::condition_variable came;
  std::vector<Received> received;
  std::function<Reaction(const Received&)> reaction;
  std::set<int> peers;
  std::size_t connections = 0;
  bool ending = false;
  std::vector<std::jthread> threads;
  std::jthread acceptor;
};

HttpsReceiver::Reaction HttpsReceiver::answer(int status, const std::string& headers) {
  return {"HTTP/1.1 " + std::to_string(status) + " Whatever\r\nContent-Length: 0\r\n" + headers +
              "\r\n",
          Reaction::Then::kClose};
}

HttpsReceiver::HttpsReceiver(const std::string& certificate, const std::string& key)
    : state_(std::make_unique<State>()) {
  std::signal(SIGPIPE, SIG_IGN);
  State& state = *state_;
  state.reaction = [](const Received&) { return answer(204); };
  state.context = SSL_CTX_new(TLS_server_method());
  BIO* bio = BIO_new_mem_buf(certificate.data(), static_cast<int>(certificate.size()));
  X509* leaf = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  SSL_CTX_use_certificate(state.context, leaf);
  X509_free(leaf);
  BIO_free(bio);
  bio = BIO_new_mem_buf(key.data(), static_cast<int>(key.size()));
  EVP_PKEY* private_key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  SSL_CTX_use_PrivateKey(state.context, private_key);
  EVP_PKEY_free(private_key);
  BIO_free(bio);
  state.listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(bind(state.listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  listen(state.listener, 64);
  socklen_t size = sizeof address;
  getsockname(state.listener, reinterpret_cast<sockaddr*>(&address), &size);
  state.port = ntohs(address.sin_port);
  state.acceptor = std::jthread([&state] { state.accept_all(); });
}

HttpsReceiver::~HttpsReceiver() {
  {
    const std::scoped_lock lock(state_->mutex);
    state_->ending = true;
    shutdown(state_->listener, SHUT_RDWR);
    for (const int peer : state_->peers) shutdown(peer, SHUT_RDWR);
  }
  state_->acceptor.join();
  state_->threads.clear();
  close(state_->listener);
  SSL_CTX_free(state_->context);
}

void HttpsReceiver::react(std::function<Reaction(const Received&)> reaction) {
  const std::scoped_lock lock(state_->mutex);
  state_->reaction = std::move(reaction);
}

std::string HttpsReceiver::url(const std::string& path) const {
  return "https://127.0.0.1:" + std::to_string(state_->port) + path;
}

std::vector<Received> HttpsReceiver::wait_for(std::size_t count,
                                              std::chrono::milliseconds patience) {
  std::unique_lock lock(state_->mutex);
  state_->came.wait_for(lock, patience, [&] { return state_->received.size() >= count; });
  return state_->received;
}

std::size_t HttpsReceiver::connections() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->connections;
}

}  // namespace obhut::cluster::test
