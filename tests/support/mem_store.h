#pragma once
// A store in memory: what the others are measured against, and the cluster of most unit tests.

#include <atomic>
#include <map>

#include "agent/base/guarded.h"
#include "agent/store/reaper.h"
#include "agent/store/store.h"

namespace obhut::tests {

class MemStore final : public store::Store, public store::Reaper {
 public:
  Result<void> put(const model::ObjectName& name, ByteView body, std::stop_token stop) override;
  Result<Bytes> get(const model::ObjectName& name, ByteRange range, std::stop_token stop) override;
  Result<std::optional<std::uint64_t>> size_of(const model::ObjectName& name,
                                               std::stop_token stop) override;
  Result<std::vector<store::ObjectInfo>> list(model::ObjectKind kind,
                                              std::stop_token stop) override;
  Result<std::unique_ptr<store::Quiet>> quiet(std::stop_token stop) override;
  Result<void> remove(const model::ObjectName& name, std::stop_token stop) override;
  Result<void> remove_all(std::span<const model::ObjectName> names, std::stop_token stop) override;

  [[nodiscard]] std::size_t count(model::ObjectKind kind) const;
  [[nodiscard]] std::uint64_t bytes() const;
  /// A copy of all objects: yesterday's snapshot of the medium.
  [[nodiscard]] std::map<model::ObjectName, Bytes> snapshot() const;
  void restore(std::map<model::ObjectName, Bytes> objects);
  /// Puts bytes under a name that is not their hash: a store that lies.
  void plant(const model::ObjectName& name, Bytes body);

 private:
  Guarded<std::map<model::ObjectName, Bytes>> objects_;
};

}  // namespace obhut::tests
