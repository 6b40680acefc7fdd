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

/// Two bits a pack: 150 KB for 10 TB. Thread: any.
class UsedPacks {
 public:
  /// Blobs in `avoided` count as not stored until this run has stored them again; so do those of
  /// which each place is in a pack of `left`.
  explicit UsedPacks(const vault::IndexCache& index, vault::SparseBlobs avoided = {},
                     const vault::LeftPacks& left = {});

  void mark(std::uint32_t pack);
  /// Marks the pack of a stored blob; false where no pack has it.
  bool mark_blob(const BlobId& id);
  /// True for a blob that was stored before this run, which is to store it again.
  [[nodiscard]] bool avoids(const BlobId& id) const;
  /// Adds what is marked, with sizes.
  void add_to(model::ReferenceSet& references) const;

 private:
  [[nodiscard]] std::optional<vault::BlobLocation> find(const BlobId& id) const;
  [[nodiscard]] bool is_left(std::uint32_t pack) const {
    return pack < left_.size() && left_[pack];
  }
  const vault::IndexCache& index_;
  const std::uint32_t old_packs_;  // packs with lower numbers were there before this run
  const vault::SparseBlobs avoided_;
  std::vector<bool> left_;  // by number; never changed
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
  /// Whether the content that did not hold last is there, and this run stores it anew.
  [[nodiscard]] bool leaves() const { return missing_ && used_.avoids(*missing_); }

 private:
  Result<bool> holds_list(const std::vector<model::Piece>& pieces, unsigned level,
                          const std::stop_token& stop);
  UsedPacks& used_;
  vault::BlobReader& reader_;
  std::optional<BlobId> last_;
  std::optional<BlobId> missing_;  // the blob for which the content asked for last did not hold
};

}  // namespace obhut::pipeline
