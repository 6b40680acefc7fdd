#pragma once
// Recovery points, for those who look into them and restore from them.

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "agent/model/summary.h"
#include "agent/store/local_store.h"
#include "agent/vault/blob_reader.h"
#include "agent/vault/index_cache.h"
#include "agent/vault/vault.h"
#include "service/endpoint/activities.h"
#include "service/endpoint/cluster_store.h"
#include "service/endpoint/engine_parts.h"
#include "service/endpoint/name_indexes.h"

namespace obhut::endpoint {

/// What recovery points are read by. Borrowed.
struct PointSource {
  ClusterParts cluster;
  Activities& activities;        ///< where what takes its time is shown
  NameIndexes* names = nullptr;  ///< null: names are looked up in the vault alone
};

/// One vault, opened for reading. Thread: one.
class PointReader {
 public:
  /// In: `target` is "" or "cluster", or the folder of a local target.
  /// Errors: kNotFound before the first backup; those of the store.
  static Result<std::unique_ptr<PointReader>> open(const PointSource& source,
                                                   const std::string& target, std::stop_token stop);

  struct Row {
    const vault::Point* point;
    model::Summary summary;
  };
  /// Kept points, oldest first. Errors: kRefused where the store shows a forged or forked history.
  Result<std::vector<Row>> rows(std::stop_token stop);
  /// In: "latest" or the beginning of an id. Errors: kNotFound, kInvalidInput.
  Result<Row> row(std::string_view point, std::stop_token stop);

  /// Reads the index on the first call.
  Result<vault::BlobReader*> blobs(std::stop_token stop);
  [[nodiscard]] const vault::IndexCache& index() const { return *index_; }
  /// How many threads a restore should write with: while some wait for a cluster others work.
  [[nodiscard]] unsigned restore_workers() const { return local_ ? 3 : 4; }
  [[nodiscard]] vault::Vault& vault() { return *vault_; }
  [[nodiscard]] std::string cache_folder() const { return cache_; }

  /// Lets go of the use of a local target, in which nothing is removed for as long as somebody
  /// reads; hold() takes it again before the next reading. Opened, it is held. What is read after
  /// that may be gone. Errors: those of LocalStore::lock.
  void rest() { lock_.reset(); }
  Result<void> hold();

 private:
  PointReader() = default;
  Result<const vault::HeadChain*> chain(std::stop_token stop);
  std::unique_ptr<ClusterStore> cluster_;
  std::unique_ptr<store::LocalStore> local_;
  std::unique_ptr<store::StoreLock> lock_;
  store::Store* store_ = nullptr;
  std::unique_ptr<vault::Vault> vault_;
  std::optional<vault::HeadChain> chain_;
  std::string cache_;
  std::unique_ptr<vault::IndexCache> index_;
  std::unique_ptr<vault::BlobReader> blobs_;
};

}  // namespace obhut::endpoint
