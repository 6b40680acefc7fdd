#pragma once
// Which stored bytes recovery points reach: by blob, for the choice of what is worth copying.

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <unordered_map>
#include <vector>

#include "agent/base/result.h"
#include "agent/model/entry.h"
#include "agent/vault/blob_reader.h"
#include "agent/vault/head_chain.h"
#include "agent/vault/index_cache.h"
#include "agent/vault/vault.h"

namespace obhut::maintain {

/// Five bytes a blob and eight a pack: 50 MB for 10 TB. Thread: one.
class LiveBlobs {
 public:
  /// Nothing is live yet. `index` must outlive it; what is added to it later is not known here.
  explicit LiveBlobs(const vault::IndexCache& index);

  /// Marks every copy of the blob, and `length` more of its plain bytes as used. False where no
  /// pack holds it.
  bool mark(const BlobId& id, std::uint32_t length);
  [[nodiscard]] bool is_live(const vault::BlobLocation& blob) const;
  /// Of the plain bytes of a blob, how many its users have: one byte used twice counts twice, up to
  /// the length of the blob.
  [[nodiscard]] std::uint32_t used(const vault::BlobLocation& blob) const;
  /// Sealed bytes of the pack's live blobs.
  [[nodiscard]] std::uint64_t live_bytes(std::uint32_t pack) const { return live_[pack]; }
  /// Blobs of which less than half is used, those first of which the least is, as long as their
  /// used bytes add up to `most` at most.
  [[nodiscard]] std::vector<BlobId> sparse(std::uint64_t most) const;
  /// False for the second and every later time that this part is asked for.
  bool first_visit(const model::Ref& part);

 private:
  [[nodiscard]] std::uint64_t slot(const vault::BlobLocation& blob) const {
    return first_[blob.pack] + blob.number;
  }
  void look_up(const BlobId& id);

  const vault::IndexCache& index_;
  std::vector<std::uint64_t> first_;  // slot of each pack's blob 0
  std::vector<std::uint64_t> live_;
  std::vector<std::uint32_t> used_;  // by slot
  std::vector<bool> marked_;         // by slot
  // Parts of directories lie hundreds to a blob: where in it those begin that were visited.
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> visited_;
  // Neighbours lie in one blob.
  std::optional<BlobId> last_;
  std::vector<vault::BlobLocation> last_copies_;
};

/// What a walk could not read: what lies below it is not known to be live.
struct UnreadPart {
  BlobId blob;
  Error error;
};

/// Marks all that the tree below `root` reaches. Parts that an earlier walk into `live` has seen
/// are not read again. Out: the first part that could not be read.
/// Errors: kCancelled; retrying kinds of the store.
Result<std::optional<UnreadPart>> mark_tree(vault::BlobReader& reader, LiveBlobs& live,
                                            const std::vector<model::Ref>& root,
                                            const std::stop_token& stop);

/// Marks all that the kept points reach, the newest first; after that one `after_newest` is called.
/// Out: why the first point that could not be read could not: what it needs is not known then.
/// Errors: as above.
Result<std::optional<Error>> mark_kept_points(vault::Vault& vault, vault::BlobReader& reader,
                                              const vault::HeadChain& chain, LiveBlobs& live,
                                              const std::function<void()>& after_newest,
                                              const std::stop_token& stop);

}  // namespace obhut::maintain
