#pragma once
// What workers wait for: files to read, and chunks that another worker cuts faster than it can
// store them. Without the second, one large file would keep one worker busy and the rest waiting.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "agent/base/bytes.h"
#include "agent/base/result.h"
#include "agent/model/blob.h"
#include "agent/pipeline/file_work.h"

namespace obhut::pipeline {

/// Thread: one walk pushes, any number of workers take.
class WorkQueue {
 public:
  /// Stores a chunk whose id is claimed.
  using StoreChunk = std::function<Result<void>(const BlobId&, ByteView)>;

  explicit WorkQueue(std::size_t jobs) : most_jobs_(jobs) {}

  /// Waits for room. False where the queue was closed or `stop` asked for: the job is lost.
  bool push(ReadJob job, const std::stop_token& stop);
  /// No more jobs come; what is queued is still handed out.
  void close();

  /// Waits for the next job; until one comes, stores what is offered. To be followed by done().
  /// Out: nothing once all jobs are done, or `stop` asked for. Errors: those of `store`.
  Result<std::optional<ReadJob>> next(const StoreChunk& store, const std::stop_token& stop);
  /// The job that next() gave is read, and offers no more chunks.
  void done();

  /// Takes a copy of a chunk where a worker waits that has nothing else to do, and is not behind
  /// by much. False: the caller stores it.
  bool offer(const BlobId& id, ByteView chunk);

 private:
  struct Chunk {
    BlobId id;
    Bytes plain;
  };
  /// Enough that nobody waits while the one who offers stores a chunk of its own.
  static constexpr std::size_t kOfferedBytes = 2U << 20U;
  static constexpr std::size_t kSpareBuffers = 3;

  std::optional<Chunk> take_chunk(std::unique_lock<std::mutex>& lock, const std::stop_token& stop);
  Bytes spare_buffer();

  const std::size_t most_jobs_;
  std::mutex mutex_;  // guards all below
  std::condition_variable_any room_;
  std::condition_variable_any filled_;
  std::deque<ReadJob> jobs_;
  std::deque<Chunk> chunks_;
  std::size_t chunk_bytes_ = 0;
  std::size_t reading_ = 0;  // workers with a job
  std::size_t helping_ = 0;  // workers without one
  bool closed_ = false;
  std::vector<Bytes> spare_;
};

}  // namespace obhut::pipeline
