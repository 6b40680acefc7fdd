#pragma once
// Counts what there is to back up, ahead of the walk, so that a first backup can say how much is
// left. What it costs is bounded whatever the tree.

#include <chrono>
#include <stop_token>

#include "agent/base/clock.h"
#include "agent/pipeline/progress.h"
#include "agent/scan/walker.h"

namespace obhut::pipeline {

/// What a count may cost.
struct CountBudget {
  /// Of the time that has passed, and of the processor time that the process took meanwhile, where
  /// that is more. A count of its own would take 1 to 2 µs an entry, which is 5% of the backup of a
  /// tree of small files; spread so, long runs have their totals early on all the same.
  double share = 0.01;
  /// Shorter runs need no word on the time left.
  std::chrono::milliseconds begin_after{2000};
};

/// Walks to the end or until `stop`, and tells the board. Errors of the tree are the backup's to
/// tell. Thread: one of its own.
void count_sources(scan::Walker walker, const CountBudget& budget, Clock& clock,
                   ProgressBoard& board, const std::stop_token& stop);

}  // namespace obhut::pipeline
