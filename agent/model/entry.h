#pragma once
// One file, directory, link or device as a recovery point remembers it. Values only.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/bytes.h"
#include "agent/base/result.h"
#include "agent/model/blob.h"

namespace obhut::model {

/// The numbers are part of the node format.
enum class EntryType : std::uint8_t {
  kFile = 1,
  kDirectory = 2,
  kSymlink = 3,
  kFifo = 4,
  kCharDevice = 5,
  kBlockDevice = 6,
  kSocket = 7,
};

std::string_view to_string(EntryType type);

/// Seconds since 1970, any sign, and 0 to 999,999,999 nanoseconds after them.
struct FileTime {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  friend auto operator<=>(const FileTime&, const FileTime&) = default;
};

struct Xattr {
  std::string name;
  Bytes value;
  friend bool operator==(const Xattr&, const Xattr&) = default;
};

/// A stretch of content: bytes somewhere, or a hole.
struct Piece {
  std::optional<Ref> ref;    ///< nothing: a hole
  std::uint64_t length = 0;  ///< of plain content

  static Piece of(const Ref& ref) { return {ref, ref.length}; }
  static Piece hole(std::uint64_t length) { return {std::nullopt, length}; }
  friend bool operator==(const Piece&, const Piece&) = default;
};

inline constexpr std::size_t kMaxInlinePieces = 64;
inline constexpr std::size_t kMaxListedPieces = 8192;
inline constexpr std::uint8_t kMaxLevels = 3;

/// Where content lies. At level 0 the pieces are the content, in order. At level n each piece is a
/// Ref to a piece list (encode_pieces) of level n-1 in a nodes blob, and its `length` is that of
/// the content below it. 64 * 8192^3 pieces of 1 MiB are more than any file system holds.
struct Content {
  std::uint8_t level = 0;
  std::vector<Piece> pieces;
  friend bool operator==(const Content&, const Content&) = default;
};

/// What happened while the entry was backed up, or why it is there. Bits; unknown ones are kept.
enum Mark : std::uint32_t {
  kChangedWhileRead = 1U << 0U,  ///< content may mix two states
  kAncestorOnly = 1U << 1U,      ///< a directory above a source: its other children are not here
  kIncomplete = 1U << 2U,        ///< a directory that could not be read to its end
  kMountPoint = 1U << 3U,        ///< another file system begins here
};

/// Sums over what is below a directory, itself not counted.
struct Totals {
  std::uint64_t files = 0;  ///< entries that are no directories
  std::uint64_t directories = 0;
  std::uint64_t bytes = 0;  ///< apparent size of regular files, each name of a hard link once
  friend bool operator==(const Totals&, const Totals&) = default;
};

/// Room for what other systems will add. Tags ascend strictly; unknown ones are kept.
struct Extension {
  std::uint16_t tag = 0;
  Bytes value;
  friend bool operator==(const Extension&, const Extension&) = default;
};

struct Entry {
  std::string name;  ///< raw bytes; is_entry_name()
  EntryType type = EntryType::kFile;
  std::uint32_t mode = 0;  ///< permission bits, 07777
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string user;  ///< "" where the number had no name
  std::string group;
  FileTime modified;
  FileTime changed;         ///< ctime: finds changes, is not restored
  std::uint64_t size = 0;   ///< apparent size; of symlinks and directories as stat tells it
  std::uint64_t inode = 0;  ///< with `device`: which names are one file
  std::uint64_t device = 0;
  std::uint32_t links = 1;
  std::uint64_t rdev = 0;         ///< devices: major << 32 | minor
  std::string symlink_target;     ///< symlinks: raw bytes
  std::vector<Xattr> xattrs;      ///< names ascend strictly; POSIX ACLs are system.posix_acl_*
  std::uint32_t inode_flags = 0;  ///< FS_IOC_GETFLAGS
  std::uint32_t marks = 0;        ///< Mark bits
  Content content;                ///< files; their pieces sum up to `size`
  std::vector<Ref> children;      ///< directories: the parts of their node, in order
  Totals totals;                  ///< directories
  std::vector<Extension> extensions;

  friend bool operator==(const Entry&, const Entry&) = default;
};

}  // namespace obhut::model
