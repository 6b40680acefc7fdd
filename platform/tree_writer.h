#pragma once
// The writing side of a restore: entries land inside the target directory and nowhere else.
//
// Every name is looked up from the target's handle with symbolic links refused, so that neither a
// hostile backup ("..", absolute names, links first and files through them) nor a local user who
// swaps folders while we run can lead a write outside.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/bytes.h"
#include "agent/base/result.h"
#include "platform/caller.h"
#include "platform/file_status.h"
#include "platform/filesystem.h"

namespace obhut::platform {

/// What happens where the target has the name already. Directories are merged in every case.
enum class ExistingPolicy : std::uint8_t {
  kKeep,       ///< what is there stays untouched
  kOverwrite,  ///< replaced in one step; a directory that is not empty is never replaced by a file
  kKeepBoth,   ///< ours gets another name: "notes (restored).txt"
};

struct TreeWriterOptions {
  ExistingPolicy existing = ExistingPolicy::kKeep;
  bool set_owner = true;
  /// Take uid and gid as they are; otherwise names of users and groups decide where they are known
  /// on this machine.
  bool numeric_owner = false;
  /// Look names up one component at a time, and have files under temporary names while they are
  /// written, even where the kernel can do better.
  bool plain_calls = false;
  /// All but the content of open files is done as this account; null: as ourselves.
  CallerPtr caller{};
};

struct EntryMetadata {
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string user;   ///< may be empty
  std::string group;  ///< may be empty
  std::int64_t mtime_ns = 0;
  Xattrs xattrs;
  std::uint32_t flags = 0;
};

/// False for an attribute that only another system has ("windows.security" on Linux, "user.note" on
/// Windows): a writer that is given it says for each entry that it cannot be set.
bool holds_attribute(std::string_view name);

/// Equal for two names of which a directory of this system can hold but one ("Notes" and "NOTES" on
/// Windows). Nothing where that is so of equal names alone.
std::optional<std::string> name_key(std::string_view name);

enum class PlaceOutcome : std::uint8_t {
  kCreated,
  kReplaced,
  kRenamed,  ///< under another name, since its own was taken
  kMerged,   ///< a directory that was there
  kKept,     ///< nothing written: the existing entry stays
};

/// Where an entry came to lie and what of its metadata could not be set (owner, one attribute, …):
/// not fatal, but to be listed.
struct Placed {
  PlaceOutcome outcome = PlaceOutcome::kCreated;
  std::string path;  ///< relative to the target
  FileIdentity identity;
  std::vector<Error> problems;
};

class TreeWriter;

/// What is known of a file before it is made, to save calls. Only a hint: it may be wrong.
struct FileHints {
  std::uint32_t mode = 0600;   ///< it will get
  bool new_directory = false;  ///< its directory was made by this writer, so its name is free
};

/// A regular file being restored, under no name or a temporary one until commit(). Dropped without
/// a commit it leaves nothing. Thread: write_at may run at once with itself; the TreeWriter must
/// live longer.
class TargetFile {
 public:
  TargetFile(TargetFile&&) noexcept;
  TargetFile& operator=(TargetFile&&) noexcept;
  ~TargetFile();

  /// What is never written stays a hole.
  /// Errors: kQuotaExceeded for a full disk, kUnsupported where the file system caps sizes.
  Result<void> write_at(std::uint64_t offset, ByteView bytes);
  /// Gives it its size, its metadata and its name. kKept where policy is kKeep and somebody took
  /// the name meanwhile. Does not sync: TreeWriter::sync does, once for all.
  Result<Placed> commit(std::uint64_t size, const EntryMetadata& metadata);

 private:
  friend class TreeWriter;
  struct State;
  explicit TargetFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Paths are relative to the target, '/' between components; "", ".", ".." and empty components
/// are kInvalidInput. Parents must exist: make_directory first.
/// Errors of every method: kConflict where another type of entry has the name and may not be
/// replaced (also for a parent that is no directory), kRefused, kQuotaExceeded, kUnsupported.
/// Thread: any.
class TreeWriter {
 public:
  /// Makes the target (0700) where it is missing. The target itself may be reached through
  /// symbolic links: the user named it.
  static Result<TreeWriter> open(const std::string& target, TreeWriterOptions options);
  TreeWriter(TreeWriter&&) noexcept;
  TreeWriter& operator=(TreeWriter&&) noexcept;
  ~TreeWriter();

  /// With mode 0700, whatever its final mode. Where policy is kKeepBoth and another type has the
  /// name, it and all that is put below it moves to the other name.
  Result<Placed> make_directory(std::string_view path);
  /// Final metadata, once nothing more is put below: children's before parents'. Under kKeep and
  /// kKeepBoth, directories that were there before stay as they were. `path` "" is the target.
  Result<std::vector<Error>> finish_directory(std::string_view path, const EntryMetadata& metadata);

  /// Nothing where an existing entry is to be kept, so that its content need not be fetched.
  Result<std::optional<TargetFile>> create_file(std::string_view path, FileHints hints = {});
  Result<Placed> make_symlink(std::string_view path, std::string_view points_to,
                              const EntryMetadata& metadata);
  /// kFifo, kCharDevice, kBlockDevice; `rdev` as in FileStatus.
  Result<Placed> make_special(std::string_view path, FileType type, std::uint64_t rdev,
                              const EntryMetadata& metadata);
  /// Another name for `first`, which this writer placed as `identity`; kConflict where something
  /// else stands there now. `first` is the path as in the backup, or as Placed told.
  Result<Placed> make_hard_link(std::string_view path, std::string_view first,
                                const FileIdentity& identity);

  /// Everything written so far is durable after this.
  Result<void> sync();

 private:
  friend class TargetFile;
  struct State;
  explicit TreeWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace obhut::platform
