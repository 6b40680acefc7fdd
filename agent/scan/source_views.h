#pragma once
// The seam through which snapshots reach the walk: what is read in the place of a directory.

#include <string>
#include <vector>

#include "agent/base/result.h"
#include "platform/filesystem.h"
#include "platform/snapshot_set.h"

namespace obhut::scan {

/// Thread: one, the walk's.
class SourceViews {
 public:
  virtual ~SourceViews() = default;

  /// Asked for each source, and wherever below one another volume or mount begins; null: read
  /// `live`, which is the directory `path` as it is now. What it gives stays where it is. Errors:
  /// end the walk.
  virtual Result<const platform::SnapshotView*> view_of(const std::string& path,
                                                        const platform::Directory& live) = 0;

  /// The same for a file that is mounted, of which no snapshot knows: it is read itself.
  virtual Result<void> read_live(const std::string& path) = 0;

  /// Names in the directory `path` on which something is mounted: a snapshot has there what lies
  /// underneath. Empty nearly always, sorted.
  [[nodiscard]] virtual const std::vector<std::string>& mounts_in(
      const std::string& path) const = 0;
};

}  // namespace obhut::scan
