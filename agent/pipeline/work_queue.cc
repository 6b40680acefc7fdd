#include "agent/pipeline/work_queue.h"

#include <utility>

namespace obhut::pipeline {

bool WorkQueue::push(ReadJob job, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (!room_.wait(lock, stop, [&] { return jobs_.size() < most_jobs_ || closed_; })) return false;
  if (closed_) return false;
  jobs_.push_back(std::move(job));
  lock.unlock();
  filled_.notify_one();
  return true;
}

void WorkQueue::close() {
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
  }
  room_.notify_all();
  filled_.notify_all();
}

// Chunks first: they are in memory. Nothing is over while a worker reads, who may offer more.
std::optional<WorkQueue::Chunk> WorkQueue::take_chunk(std::unique_lock<std::mutex>& lock,
                                                      const std::stop_token& stop) {
  const bool woken = filled_.wait(
      lock, stop, [&] { return !chunks_.empty() || !jobs_.empty() || (closed_ && reading_ == 0); });
  if (!woken || chunks_.empty()) return std::nullopt;
  Chunk chunk = std::move(chunks_.front());
  chunks_.pop_front();
  chunk_bytes_ -= chunk.plain.size();
  return chunk;
}

Result<std::optional<ReadJob>> WorkQueue::next(const StoreChunk& store,
                                               const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  ++helping_;
  while (std::optional<Chunk> chunk = take_chunk(lock, stop)) {
    lock.unlock();
    TRY(store(chunk->id, chunk->plain));
    lock.lock();
    if (spare_.size() < kSpareBuffers) spare_.push_back(std::move(chunk->plain));
  }
  --helping_;
  if (stop.stop_requested() || jobs_.empty()) return std::nullopt;
  ReadJob job = std::move(jobs_.front());
  jobs_.pop_front();
  ++reading_;
  lock.unlock();
  room_.notify_one();
  return job;
}

void WorkQueue::done() {
  {
    const std::scoped_lock lock(mutex_);
    --reading_;
  }
  filled_.notify_all();
}

Bytes WorkQueue::spare_buffer() {
  if (spare_.empty()) return {};
  Bytes buffer = std::move(spare_.back());
  spare_.pop_back();
  return buffer;
}

bool WorkQueue::offer(const BlobId& id, ByteView chunk) {
  Bytes copy;
  {
    const std::scoped_lock lock(mutex_);
    // Jobs that wait are taken first by whoever is free.
    if (!jobs_.empty() || chunk_bytes_ >= kOfferedBytes * helping_) return false;
    chunk_bytes_ += chunk.size();
    copy = spare_buffer();
  }
  copy.assign(chunk.begin(), chunk.end());
  {
    const std::scoped_lock lock(mutex_);
    chunks_.push_back({id, std::move(copy)});
  }
  filled_.notify_one();
  return true;
}

}  // namespace obhut::pipeline
