#pragma once
// The seam to what can hold a volume still while it is read: one implementation a kind of volume.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "platform/file_status.h"
#include "platform/handle.h"

namespace obhut::platform {

/// The folder, in the root of a btrfs file system, that holds our snapshots while they are read:
/// root's alone, and gone when it is empty. (In the root of all subvolumes, which mostly is mounted
/// nowhere, so that nobody meets the snapshots; a source in which it lies leaves it out.)
inline constexpr std::string_view kSnapshotFolder = ".obhut-snapshots";

/// Where a directory lies.
struct VolumePlace {
  /// Names the volume: the same for all that lies on it, and good enough to find it again in
  /// another process. One line.
  std::string volume;
  std::string inner;         ///< of the directory, from the volume's root on; "": the root itself
  std::uint64_t device = 0;  ///< of the volume, as FileStatus has it
};

/// A snapshot that can be read, until this goes.
class OpenSnapshot {
 public:
  OpenSnapshot() = default;
  OpenSnapshot(const OpenSnapshot&) = delete;
  OpenSnapshot& operator=(const OpenSnapshot&) = delete;
  virtual ~OpenSnapshot() = default;

  /// The volume's root as it was. For nobody but this process.
  [[nodiscard]] virtual std::string folder() const = 0;
  [[nodiscard]] virtual std::uint64_t device() const = 0;
  /// The inode number of the empty directories that stand for volumes nested in this one, which the
  /// snapshot does not have; 0 where there are none such.
  [[nodiscard]] virtual std::uint64_t nested_inode() const { return 0; }
  /// After all was read: an error where what was read need not be what was held.
  [[nodiscard]] virtual Result<void> still_whole() const { return {}; }
};

/// Snapshots of one kind of volume. Thread: one.
class VolumeSnapshots {
 public:
  virtual ~VolumeSnapshots() = default;

  /// One lower case word, for records and messages: "btrfs", "lvm".
  [[nodiscard]] virtual std::string_view kind() const = 0;

  /// Nothing where the open `directory` lies on no volume of this kind. Errors: kUnsupported with
  /// the reason and the way out, where it does and no snapshot can be made; those of a source.
  virtual Result<std::optional<VolumePlace>> locate(const Handle& directory) = 0;

  /// Makes and opens a snapshot. `name`: 32 hex digits, by which remove() finds it after a crash at
  /// any point of this. Errors: kUnsupported with the reason and the way out; nothing is left then
  /// that remove() would not find.
  virtual Result<std::unique_ptr<OpenSnapshot>> make(const std::string& volume,
                                                     const std::string& name) = 0;

  /// Removes the snapshot; fine where there is none. Nothing else is ever removed, whatever the
  /// volume holds. Errors: kNotFound while the volume is not there; kUnavailable.
  virtual Result<void> remove(const std::string& volume, const std::string& name) = 0;
};

/// All kinds that this system has.
std::vector<std::unique_ptr<VolumeSnapshots>> volume_snapshots();

}  // namespace obhut::platform
