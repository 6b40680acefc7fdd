#pragma once
// Where the sealed bytes lie. The embedded directory and S3 look the same from here.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/bytes.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"

namespace obhut::cluster::objects {

/// Bytes on their way in. Dropped without finish() it leaves nothing behind.
class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;
  /// Errors: kInvalidInput beyond the length announced; kQuotaExceeded for a full disk.
  virtual Result<void> write(ByteView bytes) = 0;
  /// Once ok the object is durable under its key.
  /// Errors: kInvalidInput where length or hash are not what was announced; nothing is stored then.
  virtual Result<void> finish() = 0;
};

/// Bytes on their way out.
class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  /// Fills `out` from the front; 0 at the end of the range.
  virtual Result<std::size_t> read(MutableByteView out) = 0;
};

struct StoredObject {
  std::string key;
  std::uint64_t size = 0;
};

/// Objects by keys as "packs/<sha256>.<random>". A key is used for one attempt and never again, so
/// that nothing is ever overwritten. Thread: any.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;
  virtual Result<std::unique_ptr<ObjectWriter>> create(const std::string& key, std::uint64_t length,
                                                       const Sha256& hash) = 0;
  /// Errors: kNotFound; kCorrupt where the object is shorter than the range.
  virtual Result<std::unique_ptr<ObjectReader>> open(const std::string& key, ByteRange range) = 0;
  virtual Result<std::optional<std::uint64_t>> size_of(const std::string& key) = 0;
  /// Harmless where nothing is there. Only retention may call it.
  virtual Result<void> remove(const std::string& key) = 0;
  /// Calls `each` for everything whose key begins with `prefix`, in no order, until it returns
  /// false. Cheap for "", a folder's name and "packs/ab".
  virtual Result<void> list(std::string_view prefix,
                            const std::function<bool(const StoredObject& object)>& each) = 0;
};

/// Reads a whole object of at most `cap` bytes.
Result<Bytes> read_all(ObjectStore& store, const std::string& key, std::size_t cap);
Result<void> write_all(ObjectStore& store, const std::string& key, ByteView bytes,
                       const Sha256& hash);
/// "<folder>/<sha256>.<32 random hex digits>".
std::string new_key(std::string_view folder, const Sha256& hash);
/// True for what new_key() makes: the only keys that ever become a path.
bool is_key(std::string_view key);

}  // namespace obhut::cluster::objects
