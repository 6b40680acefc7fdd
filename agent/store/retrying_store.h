#pragma once
// Asks again where that may help.

#include "agent/base/backoff.h"
#include "agent/base/clock.h"
#include "agent/store/store.h"

namespace obhut::store {

/// Repeats what failed with a kind whose disposition is kRetry, pausing by `policy` on `clock`.
/// Safe since every Store call may be repeated. When the attempts are spent the last error goes up.
class RetryingStore final : public Store {
 public:
  /// In: at least one attempt.
  RetryingStore(Store& inner, Clock& clock, const BackoffPolicy& policy, unsigned max_attempts);

  Result<void> put(const ObjectName& name, ByteView body, std::stop_token stop) override;
  Result<Bytes> get(const ObjectName& name, ByteRange range, std::stop_token stop) override;
  Result<std::optional<std::uint64_t>> size_of(const ObjectName& name,
                                               std::stop_token stop) override;
  Result<std::vector<ObjectInfo>> list(ObjectKind kind, std::stop_token stop) override;
  void expect(std::span<const ObjectName> names) override { inner_.expect(names); }

 private:
  template <class Ask>
  auto repeat(const std::stop_token& stop, Ask ask) -> decltype(ask());
  Store& inner_;
  Clock& clock_;
  BackoffPolicy policy_;
  unsigned max_attempts_;
};

}  // namespace obhut::store
