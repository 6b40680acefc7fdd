#pragma once
// Looks into recovery points here and there, for as long as somebody walks about in them.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/bytes.h"
#include "agent/base/result.h"
#include "agent/model/entry.h"
#include "agent/model/rel_path.h"
#include "agent/restore/point_search.h"
#include "agent/restore/point_tree.h"
#include "agent/vault/blob_reader.h"
#include "agent/vault/index_cache.h"

namespace obhut::restore {

/// Reads what lies on the way to what is asked for, and nothing beside it: of a wide directory the
/// one part that can hold a name, of a file the pieces of the range. Where the parts of the
/// directories looked into lately end is remembered, in bounded space.
/// Thread: one.
class PointBrowser {
 public:
  /// Borrows all; `rights` null: all may be seen.
  PointBrowser(vault::BlobReader& reader, const vault::IndexCache& index, EntryRights* rights);
  ~PointBrowser();

  /// A point: a name that no other has, and Summary::root. Borrowed for the call.
  struct Root {
    std::string_view point;
    const std::vector<model::Ref>& parts;
  };

  // What the point does not have is no error, here and below: kNotFound is always an object that
  // the store has lost, or gave up since the index was read.

  /// Nothing where the point has no such entry. In: not the root itself.
  /// Errors: kRefused where a directory on the way may not be entered; kCorrupt where a damaged
  /// part might have held it; those of BlobReader.
  Result<std::optional<FoundEntry>> entry(const Root& root, const model::RelPath& path,
                                          const std::stop_token& stop);

  struct Batch {
    bool more = false;           ///< entries follow
    std::optional<Error> fault;  ///< why a part of the directory is missing
  };
  /// False ends the batch.
  using OnEntry = std::function<bool(const model::Entry& entry, bool denied)>;
  /// Tells of entries in byte order of their names, from the first one behind `after`.
  /// Nothing where there is no such directory. Errors: kRefused where it may not be listed; those
  /// of BlobReader that are no damage.
  Result<std::optional<Batch>> list(const Root& root, const model::RelPath& path,
                                    std::string_view after, const OnEntry& on_entry,
                                    const std::stop_token& stop);

  /// Out: fewer bytes only where the file ends. What follows comes along where reads follow one
  /// another, so that a store far away is asked seldom. Nothing where there is no such entry.
  /// Errors: kRefused for what may not be read; kInvalidInput for what is no file; those of
  /// BlobReader.
  Result<std::optional<Bytes>> read(const Root& root, const model::RelPath& path, ByteRange range,
                                    const std::stop_token& stop);

 private:
  struct Directory;
  struct Cache;
  /// A piece and where it begins in its file.
  struct PlacedPiece {
    std::uint64_t begin = 0;
    model::Piece piece;
  };
  /// Null where there is none.
  Result<std::shared_ptr<Directory>> directory(const Root& root, const model::RelPath& path,
                                               const std::stop_token& stop);
  /// A part of a directory, being read.
  struct Part {
    vault::BlobReader::Slice slice;
    model::NodeReader entries;
  };
  Result<std::optional<Part>> open_part(Directory& directory, std::size_t number,
                                        const std::stop_token& stop);
  Result<std::optional<FoundEntry>> find_in(Directory& directory, std::string_view name,
                                            const std::stop_token& stop);
  static std::string path_of(const Directory& directory, const model::Entry& entry);
  [[nodiscard]] bool is_opened(const Directory& directory, const model::Entry& entry) const;
  [[nodiscard]] bool is_denied(const Directory& directory, const model::Entry& entry) const;
  Result<void> collect(const model::Content& content, std::uint64_t begin, ByteRange range,
                       std::vector<PlacedPiece>& into, const std::stop_token& stop);
  Result<void> fetch_ahead(const std::vector<PlacedPiece>& pieces, std::uint64_t offset,
                           const std::stop_token& stop);
  Result<vault::PlainBlob> blob(const BlobId& id, const std::stop_token& stop);

  vault::BlobReader& reader_;
  const vault::IndexCache& index_;
  EntryRights* rights_;
  std::unique_ptr<Cache> cache_;
  std::map<BlobId, vault::PlainBlob> ahead_;  // of the file that is read from front to back
};

}  // namespace obhut::restore
