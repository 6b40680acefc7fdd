#pragma once
// The transport over cpprestsdk, which no other file may know.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/wire/transport.h"

namespace obhut::wire {

/// Keeps its connections open between requests; at most eight requests run at a time, others wait.
class CpprestTransport final : public Transport {
 public:
  /// The ways to a URL, best first: proxies ("http://[user:password@]host:port"; the two are
  /// percent-encoded), "" is the direct one. Where one leads nowhere the next is tried, and it is
  /// left out for some minutes. Asked on the caller's thread, and not again for a while.
  using ChooseWays = std::function<std::vector<std::string>(const std::string& url)>;
  explicit CpprestTransport(Trust trust, ChooseWays ways = {});
  ~CpprestTransport() override;

  Result<Response> send(const Request& request, std::stop_token stop) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace obhut::wire
