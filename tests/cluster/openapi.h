#pragma once
// service/cluster/openapi.json, held against every exchange that the tests make.

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "tests/cluster/tls_client.h"

namespace obhut::cluster::test {

struct Answered;

class OpenApi {
 public:
  explicit OpenApi(const std::string& file);
  ~OpenApi();

  /// Fails the running test where request (if it was accepted) or answer are not as described.
  void hold(std::string_view method, std::string_view path, const HeaderList& headers,
            std::string_view body, const Answered& answered);
  /// The same for the body of a webhook.
  void hold_message(std::string_view body);
  /// "GET /api/v1/…" as the document has them.
  [[nodiscard]] std::set<std::string> operations() const;
  /// The security scheme of an operation: "person", "device" or "".
  [[nodiscard]] std::string security_of(const std::string& operation) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The one that the whole test program shares.
OpenApi& openapi();

}  // namespace obhut::cluster::test
