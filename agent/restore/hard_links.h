#pragma once
// Which entries of a point are names of one file.

#include "agent/model/entry.h"

namespace obhut::restore {

/// In: two entries with the same device and inode. False where the number was given to another file
/// while the backup ran. Content may be kept from an earlier point for one name and be read anew
/// for another, and so lie in two places: then the change time, which no program can set, tells.
inline bool is_same_file(const model::Entry& a, const model::Entry& b) {
  return a.type == b.type && a.size == b.size && a.mode == b.mode && a.uid == b.uid &&
         a.gid == b.gid && a.modified == b.modified && a.rdev == b.rdev &&
         a.symlink_target == b.symlink_target && (a.changed == b.changed || a.content == b.content);
}

}  // namespace obhut::restore
