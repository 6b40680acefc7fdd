#pragma once
// A directory as a store: a disk, a NAS, or the cluster's embedded store.

#include <memory>
#include <string>

#include "agent/store/reaper.h"
#include "agent/store/store.h"

namespace obhut::store {

/// Who shares the directory with whom.
enum class Use : std::uint8_t {
  kRead,   ///< restore, check, points: beside each other and beside one writer
  kWrite,  ///< backup, key changes: one at a time
  kPrune,  ///< prune: one at a time, beside all of these; removes only while quiet() keeps them out
  kReap,   ///< repair, removal of keys: alone
};

/// Holds a use of the directory until it goes.
class StoreLock {
 public:
  virtual ~StoreLock() = default;
};

/// DIR/{packs/xx/<sha256>, index/<sha256>, heads/<sha256>, keys/<sha256>, tmp/, tmp-prune/, README}
/// and the lock files lock, use, prune, gate. An object appears by rename after its bytes were
/// synced, and its directory is synced before the put returns.
class LocalStore final : public Store, public Reaper {
 public:
  /// Makes the directory (its parent must exist) and what belongs into it. An empty directory that
  /// is there already will do. Errors: kConflict where it holds something else.
  static Result<std::unique_ptr<LocalStore>> create(const std::string& directory);
  /// Errors: kNotFound where `directory` is no vault directory; kRefused for missing rights.
  static Result<std::unique_ptr<LocalStore>> open(const std::string& directory);
  ~LocalStore() override;

  /// Waits while a prune removes what nobody needs. Errors: kConflict where somebody else's use
  /// excludes this one; the message says whose.
  /// A lock for anything but reading also clears away what crashed writers of its kind left.
  Result<std::unique_ptr<StoreLock>> lock(Use use);

  Result<void> put(const ObjectName& name, ByteView body, std::stop_token stop) override;
  Result<Bytes> get(const ObjectName& name, ByteRange range, std::stop_token stop) override;
  Result<std::optional<std::uint64_t>> size_of(const ObjectName& name,
                                               std::stop_token stop) override;
  Result<std::vector<ObjectInfo>> list(ObjectKind kind, std::stop_token stop) override;
  /// For the holder of a kPrune or kReap lock.
  Result<std::unique_ptr<Quiet>> quiet(std::stop_token stop) override;
  Result<void> remove(const ObjectName& name, std::stop_token stop) override;
  Result<void> remove_all(std::span<const ObjectName> names, std::stop_token stop) override;

  [[nodiscard]] const std::string& directory() const;

 private:
  struct State;
  explicit LocalStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace obhut::store
