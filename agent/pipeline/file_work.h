#pragma once
// A file on its way: the walk makes it, a worker fills in the content, the tree builder waits for
// it. Positions are kept by the events, so that workers need no common order.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "agent/base/result.h"
#include "agent/model/entry.h"
#include "platform/filesystem.h"

namespace obhut::pipeline {

/// Shared by the event, the job and, for hard links, by the events of the other names.
struct FileWork {
  model::Entry entry;  ///< as the walk saw it; as the worker read it once done
  std::shared_ptr<const platform::Directory> folder;  ///< shared with the walker; gone once done
  std::optional<Error> failed;                        ///< why it is not in the point
  bool done = false;                                  ///< guarded by the WorkBoard
};
using FileWorkPtr = std::shared_ptr<FileWork>;

/// Tells the builder when work is done: one lock for all, taken once a segment.
class WorkBoard {
 public:
  void finish(std::span<const FileWorkPtr> works) {
    {
      const std::scoped_lock lock(mutex_);
      for (const FileWorkPtr& work : works) work->done = true;
    }
    changed_.notify_all();
  }
  /// False where `stop` was asked for first.
  bool wait(const FileWork& work, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    return changed_.wait(lock, stop, [&] { return work.done; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
};

/// What a worker takes: one large file, or a segment of small ones.
struct ReadJob {
  std::vector<FileWorkPtr> works;
  bool large = false;
};

}  // namespace obhut::pipeline
