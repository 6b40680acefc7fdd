#pragma once
// One thread's way into the vault: plain bytes in, their id out, stored once.

#include <mutex>
#include <stop_token>

#include "agent/base/result.h"
#include "agent/model/blob.h"
#include "agent/pack/pack_writer.h"
#include "agent/pipeline/pack_sink.h"
#include "agent/seal/sealer.h"

namespace obhut::pipeline {

/// Thread: one at a time.
class BlobWriter {
 public:
  BlobWriter(const seal::Keyring& keyring, model::BlobKind kind, PackSink& sink,
             ProgressBoard& progress);

  /// The id is asked for before compressing: in a nightly run almost every chunk is stored
  /// already, and for those the hash is the only work worth doing.
  /// In: 1 to kMaxBlobSize bytes. Errors: kCrypto, kCancelled.
  Result<BlobId> store(ByteView plain, const std::stop_token& stop);
  /// Stores a blob that the sink let the caller claim. Errors: as store().
  Result<void> store_claimed(const BlobId& id, ByteView plain, const std::stop_token& stop);
  /// Sends off the pack that is being filled. Before the sink is drained.
  Result<void> flush(const std::stop_token& stop);

  [[nodiscard]] BlobId id_of(ByteView plain) const { return sealer_.id_of(kind_, plain); }

 private:
  seal::Sealer sealer_;
  model::BlobKind kind_;
  PackSink& sink_;
  ProgressBoard& progress_;
  pack::PackWriter writer_;
};

/// The one writer of nodes: the tree builder's, and the workers' for their piece lists.
/// Thread: any.
class NodeBlobs {
 public:
  NodeBlobs(const seal::Keyring& keyring, PackSink& sink, ProgressBoard& progress)
      : writer_(keyring, model::BlobKind::kNodes, sink, progress) {}
  Result<BlobId> store(ByteView plain, const std::stop_token& stop) {
    const std::scoped_lock lock(mutex_);
    return writer_.store(plain, stop);
  }
  Result<void> flush(const std::stop_token& stop) {
    const std::scoped_lock lock(mutex_);
    return writer_.flush(stop);
  }

 private:
  std::mutex mutex_;
  BlobWriter writer_;
};

}  // namespace obhut::pipeline
