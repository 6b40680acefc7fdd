#pragma once
// Counts what was moved, for progress and for the meter.

#include <atomic>
#include <cstdint>

#include "agent/store/store.h"

namespace obhut::store {

/// Sums of what the inner store acknowledged.
struct Moved {
  std::uint64_t put_bytes = 0;
  std::uint64_t put_objects = 0;
  std::uint64_t got_bytes = 0;
  std::uint64_t requests = 0;  ///< of every kind, failed ones too
};

class MeasuredStore final : public Store {
 public:
  explicit MeasuredStore(Store& inner) : inner_(inner) {}

  [[nodiscard]] Moved moved() const;

  Result<void> put(const ObjectName& name, ByteView body, std::stop_token stop) override;
  Result<Bytes> get(const ObjectName& name, ByteRange range, std::stop_token stop) override;
  Result<std::optional<std::uint64_t>> size_of(const ObjectName& name,
                                               std::stop_token stop) override;
  Result<std::vector<ObjectInfo>> list(ObjectKind kind, std::stop_token stop) override;
  void expect(std::span<const ObjectName> names) override { inner_.expect(names); }

 private:
  Store& inner_;
  std::atomic<std::uint64_t> put_bytes_ = 0;
  std::atomic<std::uint64_t> put_objects_ = 0;
  std::atomic<std::uint64_t> got_bytes_ = 0;
  std::atomic<std::uint64_t> requests_ = 0;
};

}  // namespace obhut::store
