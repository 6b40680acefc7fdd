#pragma once
// The seam that every backup goes through: write-once objects on a medium that may fail.

#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "agent/base/bytes.h"
#include "agent/base/result.h"
#include "agent/model/object_name.h"

namespace obhut::store {

using model::ObjectKind;
using model::ObjectName;

struct ObjectInfo {
  ObjectName name;
  std::uint64_t size = 0;
  friend auto operator<=>(const ObjectInfo&, const ObjectInfo&) = default;
};

/// Write-once objects named by the hash of their bytes. Any thread may call any method.
///
/// There is no remove(): an endpoint that has been taken over must not be able to destroy
/// yesterday's backup. tests/contract/store_contract.h is the binding form of what is said here.
class Store {
 public:
  virtual ~Store() = default;

  /// Makes `body` durable as `name`: once this returns ok, no crash loses it. Repeating a put is
  /// harmless, so a caller that never saw the answer may ask again. name.hash must be the SHA-256
  /// of `body`; a medium may check that and refuse.
  ///
  /// A put of a head is the commit of a recovery point: the caller guarantees that the put of
  /// everything it refers to was acknowledged before.
  /// Errors: kUnavailable, kTimeout, kThrottled, kQuotaExceeded, kRefused, kConflict, kCancelled.
  virtual Result<void> put(const ObjectName& name, ByteView body, std::stop_token stop) = 0;

  /// Exactly `range.length` bytes. A medium that has fewer is kCorrupt: a short answer would pass
  /// for a short file. The bytes are not to be trusted before they were authenticated.
  /// Errors: kNotFound, kCorrupt, kUnavailable, kTimeout, kThrottled, kRefused, kCancelled.
  virtual Result<Bytes> get(const ObjectName& name, ByteRange range, std::stop_token stop) = 0;

  /// Nothing where the store has no such object. Errors: as get.
  virtual Result<std::optional<std::uint64_t>> size_of(const ObjectName& name,
                                                       std::stop_token stop) = 0;

  /// All objects of a kind, ascending by name. What a put that was acknowledged stored is there;
  /// what a put left half done is not. Errors: as get.
  virtual Result<std::vector<ObjectInfo>> list(ObjectKind kind, std::stop_token stop) = 0;

  /// A hint that get() will soon be asked for these, in about this order: a store may prepare for
  /// many at once what it would else do for each. Asks nothing and never waits.
  virtual void expect(std::span<const ObjectName> /*names*/) {}
};

/// The whole object, refused where it is larger than `most`, and its hash compared with its name.
/// Errors: those of Store::get; kCorrupt.
Result<Bytes> get_whole(Store& store, const ObjectName& name, std::uint64_t most,
                        std::stop_token stop);

/// All of what a list() gave: expect() with the names.
void expect_all(Store& store, std::span<const ObjectInfo> objects);

/// Names `body` by its hash, puts it, and returns the name.
Result<ObjectName> put_named(Store& store, ObjectKind kind, ByteView body, std::stop_token stop);

}  // namespace obhut::store
