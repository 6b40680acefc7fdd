#pragma once
// The reading side of a file system, by directory handle, so that an entry swapped behind our back
// (a folder for a symbolic link, a file for a FIFO) is noticed instead of followed, and so that
// trees deeper than PATH_MAX can be read.
//
// Names and paths are the file system's own bytes (WTF-8 on Windows): not UTF-8 sometimes, up to
// 255 bytes a name.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/bytes.h"
#include "agent/base/result.h"
#include "platform/file_status.h"
#include "platform/handle.h"

namespace obhut::platform {

/// A regular file of a source, open for reading. Access times are left alone where the system
/// lets us.
/// Thread: const methods may run at once.
class SourceFile {
 public:
  SourceFile(Handle handle, std::string path, DeviceAlias devices = {})
      : handle_(std::move(handle)), path_(std::move(path)), devices_(devices) {}

  /// As it is now, asked of the open file.
  [[nodiscard]] Result<FileStatus> status() const;
  /// Fills `into` from `offset` on; fewer bytes only where the file ends.
  /// Errors: kSourceDenied (also for a bad sector), kSourceGone, kSourceBusy.
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableByteView into) const;
  /// The first range at or after `offset` that holds data; nothing where only a hole follows.
  /// A file system without hole support says that all is data. `size` is the size to map.
  [[nodiscard]] Result<std::optional<ByteRange>> next_data(std::uint64_t offset,
                                                           std::uint64_t size) const;
  [[nodiscard]] Result<Xattrs> xattrs() const;
  /// Inode flags that a restore could set again (FS_IOC_GETFLAGS); 0 where there are none.
  [[nodiscard]] std::uint32_t flags() const;

  /// True where the system tells that nothing of `range` is in the page cache.
  [[nodiscard]] bool is_cold(ByteRange range) const;
  // Advice to the page cache; failure changes nothing but speed.
  void advise_sequential() const;
  void advise_will_need(ByteRange range) const;
  void advise_dont_need(ByteRange range) const;

  /// For messages.
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const Handle& handle() const { return handle_; }

 private:
  Handle handle_;
  std::string path_;
  DeviceAlias devices_;
};

enum class FileSystemKind : std::uint8_t {
  kLocal,
  kNetwork,
  kPseudo,  ///< /proc, /sys and the like: made up by the kernel, never worth a backup
};

/// An open directory. Movable; shared by whoever still reads files in it.
/// Thread: const methods may run at once, except list().
class Directory {
 public:
  /// Opens by path, following symbolic links on the way and at its end. Any length of path.
  static Result<Directory> open(const std::string& path);
  /// Opens `path`, which holds a snapshot of what lies at `shown`: path() and messages name that,
  /// and `devices` goes for all that is looked at below.
  static Result<Directory> open_as(const std::string& path, std::string shown, DeviceAlias devices);

  /// Opens the directory `name` in this one. A symbolic link is kSourceGone: it was no directory
  /// when it was listed, or is none any more.
  [[nodiscard]] Result<Directory> open_child(std::string_view name) const;
  /// Goes up again. kSourceGone where ".." is not `expected`: the directory was moved meanwhile;
  /// also for one that was opened by its path.
  [[nodiscard]] Result<Directory> open_parent(const FileIdentity& expected) const;

  [[nodiscard]] Result<FileStatus> status() const;
  /// Never follows `name`.
  [[nodiscard]] Result<FileStatus> status_of(std::string_view name) const;

  /// Calls `each` for every entry but "." and "..", in the order of the file system; `each`
  /// returning false ends it early. The type is kUnknown where the file system does not tell.
  /// Starts at the beginning every time.
  Result<void> list(const std::function<bool(std::string_view name, FileType type)>& each) const;

  /// Opens `name` for reading if it is a regular file. Does not block on a FIFO that took its
  /// place: that is kSourceGone, like everything that is no regular file.
  [[nodiscard]] Result<SourceFile> open_file(std::string_view name) const;
  /// The same for an entry just looked at: kSourceGone where another inode has its name now.
  [[nodiscard]] Result<SourceFile> open_file(std::string_view name,
                                             const FileIdentity& expected) const;

  [[nodiscard]] Result<std::string> read_link(std::string_view name) const;

  /// Of the directory itself.
  [[nodiscard]] Result<Xattrs> xattrs() const;
  /// Of a symbolic link, FIFO or device (regular files: SourceFile::xattrs), never following.
  [[nodiscard]] Result<Xattrs> xattrs_of(std::string_view name) const;
  /// Of the directory itself; see SourceFile::flags.
  [[nodiscard]] std::uint32_t flags() const;

  [[nodiscard]] Result<FileSystemKind> file_system_kind() const;
  /// True where CACHEDIR.TAG is a regular file with the signature of
  /// https://bford.info/cachedir/ .
  [[nodiscard]] bool is_cache() const;

  /// The path by which it was opened, for messages and reports; never used to open anything.
  [[nodiscard]] std::string path() const;
  [[nodiscard]] const Handle& handle() const { return handle_; }

 private:
  struct Trail;
  Directory(Handle handle, std::shared_ptr<const Trail> trail, DeviceAlias devices)
      : handle_(std::move(handle)), trail_(std::move(trail)), devices_(devices) {}
  [[nodiscard]] std::string path_of(std::string_view name) const;

  Handle handle_;
  std::shared_ptr<const Trail> trail_;  // shared with the directories below, which name us in paths
  DeviceAlias devices_;
};

/// Names of users and groups, and back. Each is asked of the system once.
/// Thread: any.
class AccountNames {
 public:
  AccountNames();
  AccountNames(const AccountNames&) = delete;
  AccountNames& operator=(const AccountNames&) = delete;
  ~AccountNames();

  /// Empty where the number has no name.
  std::string user(std::uint32_t uid);
  std::string group(std::uint32_t gid);
  std::optional<std::uint32_t> user_id(const std::string& name);
  std::optional<std::uint32_t> group_id(const std::string& name);

 private:
  struct Cache;
  std::unique_ptr<Cache> cache_;
};

}  // namespace obhut::platform
