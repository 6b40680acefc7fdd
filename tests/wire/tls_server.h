#pragma once
// A TLS server that does exactly what a test tells it, byte by byte, the wrong things included.

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "agent/base/ids.h"

namespace obhut::wire {

/// How far a certificate's dates are shifted, and whom it names.
struct CertificateWish {
  std::string host = "localhost";
  std::chrono::hours not_before{-1};
  std::chrono::hours not_after{24};
};

/// A certificate authority made for one test.
class TestAuthority {
 public:
  TestAuthority();
  ~TestAuthority();
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  [[nodiscard]] std::string pem() const;
  [[nodiscard]] Sha256 spki() const;

 private:
  friend class TlsServer;
  struct State;
  std::unique_ptr<State> state_;
};

/// One accepted connection, handshake done.
class TlsPeer {
 public:
  explicit TlsPeer(void* ssl, std::atomic<bool>& closing) : ssl_(ssl), closing_(closing) {}

  /// Head and body of one request; empty once the client has closed.
  std::string read_request();
  /// Some of what comes, thrown away. Out: how much; 0 once the client has closed.
  std::size_t read_some();
  void write(std::string_view bytes);
  /// Until the server is told to close, or the client closes.
  void stall();

 private:
  void* ssl_;
  std::atomic<bool>& closing_;
  std::string pending_;
};

/// Listens on a free port of the loopback; `serve` runs on a thread for each connection.
class TlsServer {
 public:
  TlsServer(const TestAuthority& authority, const CertificateWish& wish,
            std::function<void(TlsPeer&)> serve);
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  [[nodiscard]] std::string url(std::string_view path = "/") const;
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void accept_all();
  struct State;
  std::unique_ptr<State> state_;
  std::function<void(TlsPeer&)> serve_;
  std::atomic<bool> closing_ = false;
  std::atomic<int> connections_ = 0;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

/// "HTTP/1.1 200 OK" with a content-length.
std::string http_answer(int status, std::string_view body, std::string_view more_headers = {});

}  // namespace obhut::wire
