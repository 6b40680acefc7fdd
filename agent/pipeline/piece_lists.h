#pragma once
// The pieces of one file, however many: inline while few, in stored lists of lists beyond.

#include <functional>
#include <vector>

#include "agent/base/result.h"
#include "agent/model/entry.h"

namespace obhut::pipeline {

/// Holds at most one list a level. Thread: one.
class PieceLists {
 public:
  /// Stores an encoded list as a nodes blob.
  using StoreList = std::function<Result<model::Ref>(ByteView)>;
  explicit PieceLists(StoreList store) : store_(std::move(store)) {}

  /// Neighbouring holes become one. Errors: those of `store`; kUnsupported beyond all levels.
  Result<void> add(const model::Piece& piece);
  /// The content; the lists are empty afterwards.
  Result<model::Content> finish();

 private:
  Result<void> close_level(std::size_t level);
  StoreList store_;
  std::vector<std::vector<model::Piece>> levels_{1};
};

}  // namespace obhut::pipeline
