#pragma once
// What changed from one recovery point to another.

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "agent/model/entry.h"
#include "agent/restore/point_tree.h"
#include "agent/vault/blob_reader.h"

namespace obhut::restore {

enum class ChangeKind : std::uint8_t { kAdded, kChanged, kRemoved };
/// "added", "changed", "removed".
std::string_view to_string(ChangeKind kind);

struct Change {
  ChangeKind kind;
  std::string_view path;      ///< relative to the root of the point
  const model::Entry* entry;  ///< as it is, or as it was where it was removed
};

struct ChangeCounts {
  std::uint64_t added = 0;
  std::uint64_t changed = 0;
  std::uint64_t removed = 0;
  void add(ChangeKind kind);
};

/// True where two files, or two links, hold the same: their bytes lie in the same place, or nothing
/// touched them in between.
bool has_same_content(const model::Entry& one, const model::Entry& other);

/// Tells every entry that is new, gone or another, in the order of a walk. Directories that are the
/// same are not read, so that it costs what changed. A directory itself changes by what it is, not
/// by what lies in it. Borrows `rights`, null for all: what they do not show is in neither point.
/// Errors: those of BlobReader and NodeReader: half a comparison would be a wrong one.
Result<void> compare_points(vault::BlobReader& reader, const std::vector<model::Ref>& before,
                            const std::vector<model::Ref>& after, EntryRights* rights,
                            const std::function<void(const Change&)>& tell,
                            const std::stop_token& stop);

}  // namespace obhut::restore
