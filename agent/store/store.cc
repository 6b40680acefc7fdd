#include "agent/store/store.h"

#include "agent/crypto/digest.h"

namespace obhut::store {

Result<Bytes> get_whole(Store& store, const ObjectName& name, std::uint64_t most,
                        std::stop_token stop) {
  ASSIGN_OR_RETURN(const std::optional<std::uint64_t> size, store.size_of(name, stop));
  if (!size) return fail(ErrorKind::kNotFound, name.text() + ": not in the store");
  if (*size > most) {
    return fail(ErrorKind::kCorrupt, name.text() + ": " + std::to_string(*size) +
                                         " bytes are more than such an object has");
  }
  ASSIGN_OR_RETURN(Bytes bytes, store.get(name, {0, *size}, stop));
  if (crypto::sha256(bytes) != name.hash) {
    return fail(ErrorKind::kCorrupt, name.text() + ": its bytes have another hash");
  }
  return bytes;
}

void expect_all(Store& store, std::span<const ObjectInfo> objects) {
  std::vector<ObjectName> names;
  names.reserve(objects.size());
  for (const ObjectInfo& object : objects) names.push_back(object.name);
  store.expect(names);
}

Result<ObjectName> put_named(Store& store, ObjectKind kind, ByteView body, std::stop_token stop) {
  const ObjectName name{kind, crypto::sha256(body)};
  TRY(store.put(name, body, stop));
  return name;
}

}  // namespace obhut::store
