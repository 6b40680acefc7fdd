#pragma once
// The snapshots of one run: one a volume, written down before it is made, gone in the end.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "platform/file_lock.h"
#include "platform/snapshot.h"

namespace obhut::platform {

/// Where a directory is read as it was.
struct SnapshotView {
  std::string folder;
  DeviceAlias devices;
  std::uint64_t nested_inode = 0;  ///< see OpenSnapshot
};

/// Thread: one.
class SnapshotSet {
 public:
  /// `folder` (made, 0700) holds a record of each snapshot that is there, so that what a run leaves
  /// behind that was killed is removed here, by the next one. Errors: kConflict where another run
  /// works with it; those of our own files.
  static Result<std::unique_ptr<SnapshotSet>> open(
      const std::string& folder, std::vector<std::unique_ptr<VolumeSnapshots>> kinds);
  /// True where a run that ended left records: then open() has something to remove.
  static bool has_leftovers(const std::string& folder);

  SnapshotSet(const SnapshotSet&) = delete;
  SnapshotSet& operator=(const SnapshotSet&) = delete;
  ~SnapshotSet();

  /// Makes a snapshot of the volume that the open `directory` lies on, unless there is one already.
  /// Errors: kUnsupported with the reason and the way out where there can be none; kQuotaExceeded
  /// and the like where no record can be kept; those of a source.
  Result<SnapshotView> view_of(const Handle& directory);

  /// After all was read. Errors: kSourceGone where a snapshot did not last.
  [[nodiscard]] Result<void> still_whole() const;

  /// Removes all. What could not be removed is told, and left for the next open().
  std::vector<Error> close();

  /// What open() could not remove, each naming the snapshot.
  [[nodiscard]] const std::vector<Error>& left() const { return left_; }

 private:
  struct Held {
    VolumeSnapshots* maker = nullptr;
    std::string name;
    std::unique_ptr<OpenSnapshot> open;  // null where there can be none
    Error error;
  };
  SnapshotSet(std::string folder, FileLock lock,
              std::vector<std::unique_ptr<VolumeSnapshots>> kinds)
      : folder_(std::move(folder)), lock_(std::move(lock)), kinds_(std::move(kinds)) {}
  void remove_leftovers();
  Result<void> remove_leftover(const std::string& name);
  void make(Held& held, const std::string& volume);
  Result<void> remove(VolumeSnapshots& maker, const std::string& volume, const std::string& name);

  std::string folder_;
  FileLock lock_;
  std::vector<std::unique_ptr<VolumeSnapshots>> kinds_;
  std::map<std::string, Held> held_;  // by volume
  std::vector<Error> left_;
};

/// 32 hex digits that nobody guesses.
std::string new_snapshot_name();

}  // namespace obhut::platform
