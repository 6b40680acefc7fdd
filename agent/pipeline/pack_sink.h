#pragma once
// Where finished packs go: a short queue, a few uploaders, and the account of what is acknowledged.
// Nothing refers to a pack before its put was acknowledged.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <vector>

#include "agent/base/queue.h"
#include "agent/base/result.h"
#include "agent/pack/pack_writer.h"
#include "agent/pipeline/progress.h"
#include "agent/pipeline/used_packs.h"
#include "agent/seal/keyring.h"
#include "agent/store/store.h"
#include "agent/vault/index_cache.h"

namespace obhut::pipeline {

struct PackSinkLimits {
  std::size_t uploaders = 2;
  std::size_t queued_packs = 1;
  /// An index object is written after this many blobs, which bounds what a long run holds.
  std::size_t blobs_per_index = 100'000;
};

/// Thread: claim(), submit() and spare_buffer() any; the rest one at a time.
class PackSink {
 public:
  using OnError = std::function<void(Error)>;

  /// All must outlive it. `on_error` is told of the first failed put, on an uploader's thread.
  PackSink(store::Store& store, const seal::Keyring& keyring, vault::IndexCache& index,
           UsedPacks& used, ProgressBoard& progress, PackSinkLimits limits, OnError on_error);
  ~PackSink();

  void start(const std::stop_token& stop);

  /// True where the caller is the one to store the blob; false where it is stored, or on its way.
  bool claim(const BlobId& id);
  /// Waits for room. Out: whether the store has been slower than those who fill packs for a while.
  /// Errors: kCancelled.
  Result<bool> submit(pack::FinishedPack pack, const std::stop_token& stop);
  /// A used buffer, or an empty one where there is none.
  pack::PackBuffer spare_buffer();

  /// Packs that an earlier run stored: known from now on, and part of the next index object.
  void adopt(std::vector<pack::PackInfo> packs);

  /// Waits until all that was submitted is acknowledged or has failed.
  void drain();
  /// Writes what no index object names yet. After drain(). Out: all index objects of this run.
  Result<std::vector<store::ObjectInfo>> finish_index(const std::stop_token& stop);

 private:
  void upload(const std::stop_token& stop);
  Result<void> acknowledge(pack::FinishedPack pack, const std::stop_token& stop);
  Result<void> write_index(std::vector<pack::PackInfo> packs, const std::stop_token& stop);

  store::Store& store_;
  const seal::Keyring& keyring_;
  vault::IndexCache& index_;
  UsedPacks& used_;
  ProgressBoard& progress_;
  PackSinkLimits limits_;
  OnError on_error_;
  BoundedQueue<pack::FinishedPack> queue_;
  std::atomic<unsigned> waits_in_a_row_{0};

  std::mutex mutex_;  // guards all below
  std::unordered_set<BlobId, IdHash> pending_;
  std::vector<pack::PackBuffer> spare_;
  std::vector<pack::PackInfo> unindexed_;
  std::size_t unindexed_blobs_ = 0;
  std::vector<store::ObjectInfo> written_;

  std::vector<std::jthread> threads_;
};

}  // namespace obhut::pipeline
