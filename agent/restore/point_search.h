#pragma once
// Finding an entry whose name is known, or a part of its name, in many recovery points.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "agent/base/bytes.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/model/entry.h"
#include "agent/model/rel_path.h"
#include "agent/restore/name_index.h"
#include "agent/restore/name_query.h"
#include "agent/restore/point_tree.h"
#include "agent/vault/blob_reader.h"

namespace obhut::restore {

/// Searches point after point, and tells of each version of an entry once. A directory that is the
/// same in several points is read in the first alone: what lies in it was told of then. So newer
/// points come first, and hundreds of them cost little more than what changed between them.
/// Thread: one.
class PointSearch {
 public:
  struct Hit {
    const model::Entry* entry;  ///< valid during the call
    std::string_view path;      ///< relative to the root of the point
    bool denied;
  };
  /// False ends the search of this point.
  using OnHit = std::function<bool(const Hit& hit)>;

  /// Borrows all; `rights` null: all; `names` null: everything is read anew.
  PointSearch(vault::BlobReader& reader, EntryRights* rights, NameIndex* names = nullptr)
      : reader_(reader), rights_(rights), names_(names) {}

  /// In: Summary::root. Out: how many parts of directories could not be read.
  /// Errors: kCancelled and the retrying kinds of the store.
  Result<std::uint64_t> search(std::vector<model::Ref> root, const NameQuery& query,
                               const OnHit& on_hit, const std::stop_token& stop);

 private:
  vault::BlobReader& reader_;
  EntryRights* rights_;
  NameIndex* names_;
  // Hashes of where they lie and what they are: 64 bits, so that no two of a million are alike.
  std::unordered_set<std::size_t> seen_;  // directories, by what is in them
  std::unordered_set<std::size_t> told_;  // hits
};

/// The entry at `path`; nothing where the point has none, or none that `rights` let one reach.
struct FoundEntry {
  model::Entry entry;
  bool denied = false;
};
/// Errors: as of a walk; kCorrupt where a directory on the way cannot be read.
Result<std::optional<FoundEntry>> find_entry(vault::BlobReader& reader,
                                             std::vector<model::Ref> root,
                                             const model::RelPath& path, EntryRights* rights,
                                             const std::stop_token& stop);

/// The first bytes of a file, `most` of them. Errors: those of BlobReader.
Result<Bytes> read_beginning(vault::BlobReader& reader, const model::Entry& file, std::size_t most,
                             const std::stop_token& stop);

}  // namespace obhut::restore
