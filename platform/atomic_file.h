#pragma once
// Replaces a file durably: at every instant, power loss included, a reader finds the old content
// or the new, never a mixture and never nothing.

#include <cstdint>
#include <string>

#include "agent/base/bytes.h"
#include "agent/base/result.h"
#include "platform/handle.h"

namespace obhut::platform {

/// Writes, syncs, renames, syncs the folder. A symbolic link at `path` is replaced, not followed.
/// Errors: kQuotaExceeded, kRefused, kUnavailable, kNotFound for a missing folder.
Result<void> write_file(const std::string& path, ByteView content, std::uint32_t mode = 0600);

/// The whole of a regular file. kInvalidInput where it is longer than `cap` or not regular:
/// nobody's file makes us allocate without bound. kNotFound where it is missing.
Result<Bytes> read_file(const std::string& path, std::size_t cap);

/// The same as write_file for content that comes in pieces. Dropped without a commit it leaves
/// nothing but the old file; after a crash the temporary file may stay (named ".tmp-…").
class AtomicFile {
 public:
  /// `temporary_folder` empty: beside `path`; else a folder on the same file system.
  static Result<AtomicFile> create(const std::string& path, std::uint32_t mode = 0600,
                                   const std::string& temporary_folder = {});
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  ~AtomicFile();

  Result<void> write(ByteView bytes);
  /// The same, straight to the disk where the system can: what is written once and not read soon
  /// need not be copied into the page cache, nor push out of it what others work with. Best from
  /// memory that begins at a page and at an offset of whole pages; anything else is written as
  /// write() does.
  Result<void> write_past_cache(ByteView bytes);
  /// Once ok, the new content is durable under its name.
  Result<void> commit();
  /// Like commit without syncing the folder of `path`: for groups of files in one folder, which
  /// the caller then syncs once (sync_directory) before relying on any of them.
  Result<void> commit_without_folder_sync();

 private:
  AtomicFile(Handle handle, std::string path, std::string temporary)
      : handle_(std::move(handle)), path_(std::move(path)), temporary_(std::move(temporary)) {}
  void discard();
  Handle handle_;
  std::string path_;
  std::string temporary_;  // empty once committed
};

}  // namespace obhut::platform
