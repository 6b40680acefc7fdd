#pragma once
// The seam between those who look into recovery points and the daemon that reads them.

#include <cstdint>
#include <string>
#include <vector>

#include "agent/base/bytes.h"
#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/model/entry.h"

namespace obhut::cli {

struct BrowsedPoint {
  std::string id;
  Instant time{};
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};

/// What is shown of an entry; model::Entry has more, and is ten times as large.
struct BrowsedEntry {
  std::string name;  ///< raw bytes
  model::EntryType type = model::EntryType::kFile;
  bool denied = false;  ///< seen, but not to be read or looked into
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string user;  ///< "" where the number had no name
  std::string group;
  std::uint64_t size = 0;
  model::FileTime modified;
  model::FileTime changed;
  std::uint32_t links = 1;
  std::uint64_t inode = 0;  ///< with `device`, of files with several names alone
  std::uint64_t device = 0;
  std::uint64_t rdev = 0;
  std::string target;  ///< of a symlink: raw bytes
};

/// Paths are raw bytes relative to the root of the point; "" is the root.
/// Thread: any.
class Browser {
 public:
  /// No read may be longer.
  static constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 20U;

  virtual ~Browser() = default;

  /// As they are now, oldest first.
  virtual Result<std::vector<BrowsedPoint>> points() = 0;

  struct Batch {
    std::vector<BrowsedEntry> entries;  ///< in byte order of their names
    bool more = false;
    bool faulty = false;  ///< a damaged part of the directory is missing
  };
  /// The entries behind the name `after`. Errors, here and below: kNotFound where the point has no
  /// such entry, kSourceGone where the point is gone, kRefused, kCorrupt; kUnavailable where the
  /// daemon stays away; kCancelled.
  virtual Result<Batch> list(const std::string& point, const std::string& path,
                             const std::string& after) = 0;
  virtual Result<BrowsedEntry> entry(const std::string& point, const std::string& path) = 0;
  /// Fewer bytes than asked for only where the file ends.
  virtual Result<Bytes> read(const std::string& point, const std::string& path,
                             ByteRange range) = 0;
};

}  // namespace obhut::cli
