#pragma once
// Requests to servers of whoever: POST over HTTPS by libcurl, many at once on one thread. A peer
// that is slow, endless, redirecting or gone costs a bounded amount for a bounded time, and no
// connection is opened to an address that the policy does not allow.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "service/cluster/outgoing/address.h"

namespace obhut::cluster::outgoing {

struct PostConfig {
  AddressPolicy addresses;
  std::string ca_pem;  ///< trusted beside the system's authorities; empty: those alone
  std::chrono::milliseconds longest{10'000};  ///< from looking up the name to the answer's end
};

struct Post {
  std::string url;                   ///< as parse_target() gave it
  std::vector<std::string> headers;  ///< "name: value"
  std::string body;                  ///< JSON
};

/// Thread: one, but for wake().
class HttpsPoster {
 public:
  /// Of an answer, head and body; what is beyond is not read.
  static constexpr std::size_t kMostAnswer = 65'536;

  explicit HttpsPoster(PostConfig config);
  ~HttpsPoster();

  /// `ticket` names it in its outcome.
  Result<void> start(std::uint64_t ticket, const Post& post);
  [[nodiscard]] std::size_t running() const;

  struct Outcome {
    std::uint64_t ticket = 0;
    /// HTTP's, of whatever kind, as soon as the answer's head was whole.
    /// Errors: kRefused for an address that is not allowed, kTimeout, kUnavailable.
    Result<int> status;
  };
  /// Moves all on until one ends, `patience` is over or wake() is called. Out: those that ended.
  std::vector<Outcome> wait(std::chrono::milliseconds patience);
  /// Thread: any.
  void wake();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace obhut::cluster::outgoing
