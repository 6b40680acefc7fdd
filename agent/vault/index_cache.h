#pragma once
// Which blob lies where, for the whole vault: a sorted local file, of which a few bytes a hundred
// blobs are resident, and a table for what this run adds, which moves to disk as it grows.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/pack/pack_index.h"
#include "agent/pack/pack_info.h"
#include "agent/seal/keyring.h"
#include "agent/store/store.h"

namespace obhut::vault {

/// Where a blob lies. `pack` is valid as long as the cache.
struct BlobLocation {
  std::uint32_t pack = 0;    ///< number for pack()
  std::uint32_t number = 0;  ///< of the blob in its pack
  pack::BlobEntry entry;
};

/// Thread: find() and pack() any, also beside add(); the rest one at a time.
class IndexCache {
 public:
  /// Reads the store's index objects into `directory` (made if missing; "" for a temporary place).
  /// A file that is there and authentic is built upon: only new index objects are fetched.
  /// An index object that cannot be read or opened is a fault, not an error: see faults().
  /// Errors: those of Store::list and Store::get of the retrying kinds; kCancelled; a full disk.
  static Result<std::unique_ptr<IndexCache>> load(store::Store& store, const seal::Keyring& keyring,
                                                  const std::string& directory,
                                                  std::stop_token stop);
  ~IndexCache();

  /// Any copy of the blob that is in no pack given to forget().
  [[nodiscard]] std::optional<BlobLocation> find(const BlobId& id) const;
  [[nodiscard]] bool contains(const BlobId& id) const { return find(id).has_value(); }
  /// Every copy.
  [[nodiscard]] std::vector<BlobLocation> find_all(const BlobId& id) const;

  /// Without its blobs; nothing but zeros where the local file is damaged. In: a number from a
  /// BlobLocation, or below pack_count().
  [[nodiscard]] pack::PackInfo pack(std::uint32_t number) const;
  [[nodiscard]] std::uint32_t pack_count() const;
  [[nodiscard]] std::uint64_t blob_count() const;
  [[nodiscard]] std::optional<std::uint32_t> find_pack(const Sha256& name) const;
  /// The blobs of one pack, in order of their offsets. Reads the whole file: for repair and prune
  /// use for_each_blob.
  [[nodiscard]] std::vector<BlobLocation> blobs_of(std::uint32_t pack) const;
  /// Every record, ascending by id within the file, then those that were added.
  void for_each_blob(const std::function<void(const BlobId&, const BlobLocation&)>& use) const;

  /// Knows the blobs of a pack from now on: stored by this run, or adopted.
  void add(const pack::PackInfo& pack);
  /// Finds nothing in this pack any more: the store says that it is gone.
  void forget(const Sha256& pack);
  void forget(std::uint32_t pack);

  /// Whether all answers so far were right. A damaged part of the local file shows only when it is
  /// read: what lies in it is not found then. Whoever concludes anything from "not found" (a point
  /// is complete, a blob is lost, a pack is unneeded) asks this first. The file goes with the
  /// cache then. Errors: kUnavailable naming the file.
  [[nodiscard]] Result<void> intact() const;

  /// The index objects that the cache was made from, superseded ones left out, with their sizes.
  [[nodiscard]] const std::vector<store::ObjectInfo>& index_objects() const;
  /// Index objects in the store that others replace: prune may remove them.
  [[nodiscard]] const std::vector<store::ObjectInfo>& superseded() const;
  /// Index objects that could not be read, and why.
  struct Fault {
    Sha256 index;
    Error error;
  };
  [[nodiscard]] const std::vector<Fault>& faults() const;

 private:
  struct State;
  explicit IndexCache(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace obhut::vault
