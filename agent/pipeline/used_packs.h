#pragma once
// Which packs the point under construction needs: collected while every reference passes by, so
// that a head's references are exact without a second walk (docs/decisions/pack-references.md).

#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "agent/base/ids.h"
#include "agent/model/entry.h"
#include "agent/model/head.h"
#include "agent/vault/blob_reader.h"
#include "agent/vault/index_cache.h"
#include "agent/vault/sparse_blobs.h"

namespace obhut::pipeline {

/// A bit a pack: 75 KB for 10 TB. Thread: any.
class UsedPacks {
 public:
  /// Blobs in `avoided` count as not stored until this run has stored them again.
  explicit UsedPacks(const vault::IndexCache& index, vault::SparseBlobs avoided = {})
      : index_(index), old_packs_(index.pack_count()), avoided_(std::move(avoided)) {}

  void mark(std::uint32_t pack);
  /// Marks the pack of a stored blob; false where no pack has it.
  bool mark_blob(const BlobId& id);
  [[nodiscard]] bool avoids(const BlobId& id) const { return avoided_.contains(id); }
  /// Adds what is marked, with sizes.
  void add_to(model::ReferenceSet& references) const;

 private:
  [[nodiscard]] std::optional<vault::BlobLocation> find(const BlobId& id) const;
  const vault::IndexCache& index_;
  const std::uint32_t old_packs_;  // packs with lower numbers were there before this run
  const vault::SparseBlobs avoided_;
  mutable std::mutex mutex_;
  std::vector<bool> marked_;
};

/// Asks whether content of an earlier point is still all there, and marks its packs.
/// Neighbouring files lie in one segment: the last blob asked for is remembered.
/// Thread: one.
class ContentProof {
 public:
  ContentProof(UsedPacks& used, vault::BlobReader& reader) : used_(used), reader_(reader) {}

  /// False where any blob of it is gone or a piece list cannot be read: then the file is read
  /// again. Errors: kCancelled and the retrying kinds.
  Result<bool> holds(const model::Content& content, const std::stop_token& stop);
  bool holds(const model::Ref& ref);
  /// True where the content lies in a blob that this run leaves, for the others in it are gone.
  [[nodiscard]] bool moves(const model::Content& content) const;

 private:
  Result<bool> holds_list(const std::vector<model::Piece>& pieces, unsigned level,
                          const std::stop_token& stop);
  UsedPacks& used_;
  vault::BlobReader& reader_;
  std::optional<BlobId> last_;
};

}  // namespace obhut::pipeline
