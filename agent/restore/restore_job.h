#pragma once
// A recovery point, or part of it, into a directory.

#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/pause_gate.h"
#include "agent/base/result.h"
#include "agent/model/rel_path.h"
#include "agent/model/summary.h"
#include "agent/restore/file_batch.h"
#include "agent/restore/point_tree.h"
#include "agent/restore/report.h"
#include "agent/restore/selection.h"
#include "agent/vault/blob_reader.h"
#include "agent/vault/index_cache.h"
#include "platform/tree_writer.h"

namespace obhut::restore {

struct RestoreOptions {
  std::string target;  ///< a source /a/b lands in TARGET/a/b; "/" is the original place
  platform::TreeWriterOptions writer;
  Selection selection;
  /// What lies below this folder of the point lands in TARGET itself: a/b/c, below a, in
  /// TARGET/b/c. Nothing else may be selected. The root: paths are kept whole.
  model::RelPath below;
  EntryRights* rights = nullptr;  ///< of whoever restores, borrowed; null: all
  /// Closed: nothing more is written until it opens. Borrowed; null: never.
  const PauseGate* pause = nullptr;
  model::Totals point_totals;  ///< of the whole point, for who looks at the progress
  /// Each holds one stretch of a pack (BlobReaderLimits) while it writes. Where the store takes its
  /// time to answer, more of them than processors: some wait while others write.
  unsigned workers = 3;

  /// True for the folders of the point that the target itself stands for.
  [[nodiscard]] bool is_target(std::string_view path) const {
    return !below.is_root() && is_below(below.bytes(), path);
  }
  /// Where an entry below `below` lands, relative to the target.
  [[nodiscard]] std::string_view place_of(std::string_view path) const {
    return below.is_root() ? path : path.substr(below.bytes().size() + 1);
  }
};

/// Errors: kInvalidInput where something may be selected that does not lie below `below`.
Result<void> check_places(const RestoreOptions& options);

/// Every byte written was proven by its blob's keyed hash. What is damaged is listed and left out:
/// never written half, never guessed.
/// Thread: run() one, once; progress() any.
class RestoreJob {
 public:
  /// Borrows all.
  RestoreJob(vault::BlobReader& reader, const vault::IndexCache& index, RestoreOptions options);
  ~RestoreJob();

  /// In: Summary::root of the point.
  /// Errors: kInvalidInput where the selection matches nothing; a full disk; kCancelled; retrying
  /// kinds of the store. What was written until then stays.
  Result<RestoreReport> run(std::vector<model::Ref> root, std::stop_token stop);

  [[nodiscard]] const RestoreProgress& progress() const { return progress_; }

 private:
  struct Run;
  vault::BlobReader& reader_;
  const vault::IndexCache& index_;
  RestoreOptions options_;
  RestoreProgress progress_;
};

}  // namespace obhut::restore
