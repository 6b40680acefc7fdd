#pragma once
// The transport over cpprestsdk, which no other file may know.

#include <functional>
#include <memory>

#include "agent/wire/transport.h"

namespace obhut::wire {

/// Keeps its connections open between requests; at most eight requests run at a time, others wait.
class CpprestTransport final : public Transport {
 public:
  /// The proxy for a URL ("http://host:port"), or "" for the direct way. Asked on the caller's
  /// thread, and not again for a while.
  using ChooseProxy = std::function<std::string(const std::string& url)>;
  explicit CpprestTransport(Trust trust, ChooseProxy proxy = {});
  ~CpprestTransport() override;

  Result<Response> send(const Request& request, std::stop_token stop) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace obhut::wire
