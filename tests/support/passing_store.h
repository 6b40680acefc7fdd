#pragma once
// Hands everything on to another store; what is put, derived classes look at.

#include "agent/store/store.h"

namespace obhut::tests {

class PassingStore : public store::Store {
 public:
  explicit PassingStore(store::Store& inner) : inner_(inner) {}
  Result<Bytes> get(const store::ObjectName& name, ByteRange range, std::stop_token stop) override {
    return inner_.get(name, range, stop);
  }
  Result<std::optional<std::uint64_t>> size_of(const store::ObjectName& name,
                                               std::stop_token stop) override {
    return inner_.size_of(name, stop);
  }
  Result<std::vector<store::ObjectInfo>> list(store::ObjectKind kind,
                                              std::stop_token stop) override {
    return inner_.list(kind, stop);
  }

 protected:
  store::Store& inner_;
};

}  // namespace obhut::tests
