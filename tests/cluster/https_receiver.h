#pragma once
// Whoever receives webhooks: an HTTPS server on loopback that answers, misbehaves and remembers.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "service/cluster/tls/authority.h"

namespace obhut::cluster::test {

/// An authority that only these tests know.
class TestAuthority {
 public:
  TestAuthority();
  ~TestAuthority();
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  [[nodiscard]] tls::Certificate issue(const std::string& name) const;
  /// With its certificate, to trust.
  [[nodiscard]] std::string file() const { return folder + "/ca.pem"; }

  tls::Certificate root;
  tls::Certificate leaf;  ///< for 127.0.0.1
  std::string folder;     ///< gone with it
};

struct Received {
  std::string path;
  std::map<std::string, std::string> headers;  ///< lower-case names
  std::string body;
};

class HttpsReceiver {
 public:
  struct Reaction {
    std::string bytes;  ///< sent first; none at all cuts the connection
    enum class Then : std::uint8_t { kClose, kFlood, kHang } then = Then::kClose;
  };
  static Reaction answer(int status, const std::string& headers = "");

  /// `certificate` is a leaf for 127.0.0.1. Answers 204 until told otherwise.
  HttpsReceiver(const std::string& certificate, const std::string& key);
  ~HttpsReceiver();

  /// Called with each request, on its own thread.
  void react(std::function<Reaction(const Received&)> reaction);
  [[nodiscard]] std::string url(const std::string& path = "/hook") const;

  /// What came so far, once there are `count` of it or `patience` is over.
  std::vector<Received> wait_for(std::size_t count,
                                 std::chrono::milliseconds patience = std::chrono::seconds(30));
  /// However far they came.
  [[nodiscard]] std::size_t connections() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace obhut::cluster::test
