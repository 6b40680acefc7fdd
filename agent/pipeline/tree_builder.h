#pragma once
// Entries into directory nodes, bottom-up. What did not change since the point before keeps its
// Refs; the rest is gathered into shared blobs.

#include <deque>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/queue.h"
#include "agent/base/result.h"
#include "agent/pipeline/blob_writer.h"
#include "agent/pipeline/checkpoint.h"
#include "agent/pipeline/file_work.h"
#include "agent/pipeline/incidents.h"
#include "agent/pipeline/tree_event.h"
#include "agent/pipeline/used_packs.h"

namespace obhut::pipeline {

struct TreeLimits {
  std::size_t segment = 1U << 20U;  ///< plain bytes of node parts in one blob
  /// Entries held back because a directory before them waits for its blob to fill up; beyond, the
  /// blob is closed early.
  std::size_t waiting = 8192;
};

struct BuiltTree {
  std::vector<model::Ref> root;
  model::Totals totals;
};

/// A directory's Refs are known only once the blob that its parts share is sealed. Until then its
/// entry, and in the parent all that comes after it, waits: bounded by TreeLimits::waiting.
/// Thread: one.
class TreeBuilder {
 public:
  /// All must outlive it; `checkpoint` may be null.
  TreeBuilder(NodeBlobs& nodes, UsedPacks& used, WorkBoard& board, Incidents& incidents,
              ProgressBoard& progress, CheckpointWriter* checkpoint, TreeLimits limits = {});
  ~TreeBuilder();

  /// Takes events until the queue closes. Errors: kCancelled; those of storing.
  Result<BuiltTree> build(BoundedQueue<TreeEvents>& events, const std::stop_token& stop);

 private:
  struct Directory;
  struct Item;
  struct PartUser;

  Result<void> take(TreeEvent event, const std::stop_token& stop);
  void enter(TreeEvent event);
  Result<void> take_entry(TreeEvent event, const std::stop_token& stop);
  void take_part(const TreeEvent& event);
  Result<void> leave(bool incomplete, const std::stop_token& stop);
  Result<void> pump(Directory* directory, const std::stop_token& stop);
  Result<void> add(Directory& directory, Item item, const std::stop_token& stop);
  Result<void> emit_part(Directory& directory, const Bytes& part, const std::stop_token& stop);
  Result<void> seal_segment(const std::stop_token& stop);
  void complete(Directory& directory);
  void skip(const std::string& name, Error error);
  [[nodiscard]] std::string path_of(std::string_view name) const;

  NodeBlobs& nodes_;
  UsedPacks& used_;
  WorkBoard& board_;
  Incidents& incidents_;
  ProgressBoard& progress_;
  CheckpointWriter* checkpoint_;
  TreeLimits limits_;

  std::unique_ptr<Directory> root_;
  Directory* current_ = nullptr;
  std::string path_;  // of current_, absolute
  std::size_t waiting_ = 0;
  Bytes segment_;
  std::vector<PartUser> users_;  // whose parts lie in segment_
};

}  // namespace obhut::pipeline
