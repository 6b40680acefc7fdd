#pragma once
// The transport over cpprestsdk, which no other file may know.

#include <memory>

#include "agent/wire/transport.h"

namespace obhut::wire {

/// Keeps its connections open between requests; at most eight requests run at a time, others wait.
class CpprestTransport final : public Transport {
 public:
  explicit CpprestTransport(Trust trust);
  ~CpprestTransport() override;

  Result<Response> send(const Request& request, std::stop_token stop) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace obhut::wire
