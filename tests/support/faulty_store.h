#pragma once
// A medium that fails on request.

#include <functional>
#include <optional>

#include "agent/base/guarded.h"
#include "agent/store/store.h"

namespace obhut::tests {

/// Thread: any.
class FaultyStore final : public store::Store {
 public:
  explicit FaultyStore(store::Store& inner) : inner_(inner) {}

  /// The next `count` calls fail with `error` before they reach the store.
  void fail_next(unsigned count, Error error);
  /// The next `count` puts are carried out, but their answer is kUnavailable.
  void lose_answers(unsigned count);
  /// Every call from the `number`-th on (from 0) fails: the network is gone.
  void fail_from(std::uint64_t number, Error error);
  /// Changes what get() returns.
  void tamper(std::function<void(const model::ObjectName&, ByteRange, Bytes&)> with);
  /// How many calls came.
  [[nodiscard]] std::uint64_t calls() const;

  Result<void> put(const model::ObjectName& name, ByteView body, std::stop_token stop) override;
  Result<Bytes> get(const model::ObjectName& name, ByteRange range, std::stop_token stop) override;
  Result<std::optional<std::uint64_t>> size_of(const model::ObjectName& name,
                                               std::stop_token stop) override;
  Result<std::vector<store::ObjectInfo>> list(model::ObjectKind kind,
                                              std::stop_token stop) override;

 private:
  struct Plan {
    unsigned fail = 0;
    unsigned lose = 0;
    std::optional<std::uint64_t> fail_from;
    Error error;
    std::uint64_t calls = 0;
    std::function<void(const model::ObjectName&, ByteRange, Bytes&)> tamper;
  };
  std::optional<Error> next_failure();
  store::Store& inner_;
  Guarded<Plan> plan_;
};

}  // namespace obhut::tests
