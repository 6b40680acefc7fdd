#pragma once
// A blocking HTTPS client that can also misbehave: what the server's limits are tested with.

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace obhut::cluster::test {

struct Reply {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< lower-case names
  std::string body;
  std::string head;  ///< status line and headers as they came
};

using HeaderList = std::vector<std::pair<std::string, std::string>>;

/// One connection to 127.0.0.1.
class TlsClient {
 public:
  enum class Handshake { kDo, kSkip };
  TlsClient(std::uint16_t port, const std::string& ca_pem, Handshake handshake = Handshake::kDo);
  ~TlsClient();
  TlsClient(TlsClient&&) noexcept;
  TlsClient& operator=(TlsClient&&) noexcept;

  /// True once a verified handshake was made.
  [[nodiscard]] bool connected() const;
  bool send(std::string_view bytes);
  /// Below TLS.
  bool send_plain(std::string_view bytes);
  /// One answer; nothing where the server closed or `patience` is over.
  std::optional<Reply> receive(std::chrono::milliseconds patience = std::chrono::seconds(20));
  /// True where the server closes within `patience` without a further byte of an answer.
  bool closed_within(std::chrono::milliseconds patience);
  /// Closes without TLS' goodbye; `reset` without TCP's as well.
  void abort(bool reset);

  std::optional<Reply> request(std::string_view method, std::string_view path,
                               const HeaderList& headers, std::string_view body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace obhut::cluster::test
