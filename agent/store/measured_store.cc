#include "agent/store/measured_store.h"

namespace obhut::store {

Moved MeasuredStore::moved() const {
  return {put_bytes_.load(), put_objects_.load(), got_bytes_.load(), requests_.load()};
}

Result<void> MeasuredStore::put(const ObjectName& name, ByteView body, std::stop_token stop) {
  ++requests_;
  Result<void> done = inner_.put(name, body, stop);
  if (done) {
    put_bytes_ += body.size();
    ++put_objects_;
  }
  return done;
}
Result<Bytes> MeasuredStore::get(const ObjectName& name, ByteRange range, std::stop_token stop) {
  ++requests_;
  Result<Bytes> bytes = inner_.get(name, range, stop);
  if (bytes) got_bytes_ += bytes->size();
  return bytes;
}
Result<std::optional<std::uint64_t>> MeasuredStore::size_of(const ObjectName& name,
                                                            std::stop_token stop) {
  ++requests_;
  return inner_.size_of(name, stop);
}
Result<std::vector<ObjectInfo>> MeasuredStore::list(ObjectKind kind, std::stop_token stop) {
  ++requests_;
  return inner_.list(kind, stop);
}

}  // namespace obhut::store
