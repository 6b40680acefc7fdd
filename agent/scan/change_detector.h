#pragma once
// Whether a file is still what an earlier backup read. Pure.

#include "agent/base/clock.h"
#include "agent/model/entry.h"
#include "platform/file_status.h"

namespace obhut::scan {

class ChangeDetector {
 public:
  /// `earlier_scan` is when the run began that made the entries compared with.
  explicit ChangeDetector(Instant earlier_scan) : earlier_scan_(earlier_scan) {}

  /// True only where nothing a file system tells gives a reason to read it again: same type, size,
  /// modification and change time, inode and device, and both times older than the earlier scan by
  /// more than the coarsest clock of a file system (2 s on FAT): what is written twice within one
  /// tick looks the same both times. An entry marked as changed while it was read is changed.
  [[nodiscard]] bool is_unchanged(const platform::FileStatus& now,
                                  const model::Entry& earlier) const;

 private:
  Instant earlier_scan_;
};

/// The numbers of platform::FileType and model::EntryType; nothing for kUnknown.
std::optional<model::EntryType> entry_type_of(platform::FileType type);
model::FileTime file_time_of(std::int64_t nanoseconds_since_1970);

}  // namespace obhut::scan
