#pragma once
// Our own files (vaults, state, configuration): paths, folders and plain reading and appending.
// What is backed up goes through filesystem.h, what is restored through tree_writer.h.
//
// A path is a std::string in the system's own bytes; '/' separates on every system.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/bytes.h"
#include "agent/base/result.h"
#include "platform/file_status.h"
#include "platform/handle.h"

namespace obhut::platform {

/// "a/b" + "c" = "a/b/c"; an absolute `name` is not special: "a" + "/c" = "a/c".
std::string join(std::string_view folder, std::string_view name);
/// "a/b/c" -> "a/b"; "c" -> "."; "/" -> "/".
std::string parent_of(std::string_view path);
/// "a/b/c" -> "c".
std::string file_name_of(std::string_view path);
bool is_absolute(std::string_view path);
/// Absolute, without "." and "..", and without resolving symbolic links. Nothing need exist.
Result<std::string> absolute_path(std::string_view path);

/// As programs and people of this system write it: on Windows "/C/a" is "C:\a".
std::string system_text(const std::string& path);

/// printable(), and as a person of this system may type it again: on Windows "/C/a" is "C:/a". (Not
/// with '\\', which is what printable() escapes with.)
std::string shown(std::string_view path);

/// kNotFound where nothing is there. Follows symbolic links.
Result<FileStatus> status_of_path(const std::string& path);
/// True where something is there and may be seen.
bool exists(const std::string& path);

/// Makes `path` and its missing parents, each with `mode`; fine where it is there already.
Result<void> make_directories(const std::string& path, std::uint32_t mode = 0700);
/// Names in `path` without "." and "..", sorted by bytes.
Result<std::vector<std::string>> list_directory(const std::string& path);
/// Fine where nothing is there.
Result<void> remove_file(const std::string& path);
/// With all that is in it; does not follow symbolic links. Fine where nothing is there.
Result<void> remove_tree(const std::string& path);
/// Replaces `to`. Durable only after sync_directory of both folders.
Result<void> rename_path(const std::string& from, const std::string& to);
Result<void> sync_directory(const std::string& path);
/// A new folder of our own (0700) in the system's place for temporary files.
Result<std::string> make_temporary_directory(std::string_view prefix);

/// One of our files, open. Not for small files replaced as a whole: those go through atomic_file.h.
/// Thread: const methods may run at once.
class LocalFile {
 public:
  static Result<LocalFile> open_for_reading(const std::string& path);
  /// At its end; made with `mode` where missing.
  static Result<LocalFile> open_for_appending(const std::string& path, std::uint32_t mode = 0600);

  [[nodiscard]] Result<std::uint64_t> size() const;
  /// Fills `into`; fewer bytes only where the file ends.
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableByteView into) const;
  /// Exactly `range.length` bytes; kCorrupt where the file is shorter.
  [[nodiscard]] Result<Bytes> read_range(ByteRange range) const;
  /// The same for a long range that is read once: straight from the disk where the system can and
  /// where little of it is in the page cache, which is left as it is. Thread: one at a time.
  [[nodiscard]] Result<Bytes> read_range_once(ByteRange range) const;
  /// All or an error; after an error the file may end in a part of `bytes`.
  Result<void> append(ByteView bytes);
  Result<void> truncate(std::uint64_t size);
  /// Content and size are durable after this (the name is after sync_directory).
  Result<void> sync();

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const Handle& handle() const { return handle_; }

 private:
  LocalFile(Handle handle, std::string path) : handle_(std::move(handle)), path_(std::move(path)) {}
  /// Before anything is allocated: a length from a corrupt index must not take all memory.
  [[nodiscard]] Result<void> require(ByteRange range) const;
  Handle handle_;
  std::string path_;
};

}  // namespace obhut::platform
