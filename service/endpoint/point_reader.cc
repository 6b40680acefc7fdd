#include "service/endpoint/point_reader.h"

namespace obhut::endpoint {
namespace {

/// What one thread of a restore fetches at once, and holds.
constexpr std::uint32_t kLocalStretch = 4U << 20U;
constexpr std::uint32_t kClusterStretch = 8U << 20U;  // long beside the time that an answer takes

}  // namespace

Result<std::unique_ptr<PointReader>> PointReader::open(const PointSource& source,
                                                       const std::string& target,
                                                       std::stop_token stop) {
  std::unique_ptr<PointReader> reader(new PointReader());
  if (target.empty() || target == "cluster") {
    ASSIGN_OR_RETURN(reader->cluster_,
                     ClusterStore::open_own(source.cluster, ClusterStore::Patience::kPerson));
    reader->store_ = &reader->cluster_->store();
    ASSIGN_OR_RETURN(reader->vault_, source.cluster.keeper.read_cluster(*reader->store_, stop));
  } else {
    ASSIGN_OR_RETURN(reader->local_, store::LocalStore::open(target));
    ASSIGN_OR_RETURN(reader->lock_, reader->local_->lock(store::Use::kRead));
    reader->store_ = reader->local_.get();
    ASSIGN_OR_RETURN(reader->vault_, source.cluster.keeper.read_local(*reader->store_, stop));
  }
  return reader;
}

Result<void> PointReader::hold() {
  if (!local_ || lock_) return {};
  ASSIGN_OR_RETURN(lock_, local_->lock(store::Use::kRead));
  return {};
}

Result<const vault::HeadChain*> PointReader::chain(std::stop_token stop) {
  if (!chain_) {
    ASSIGN_OR_RETURN(chain_, vault_->heads(stop));
  }
  for (const vault::ChainFault& fault : chain_->faults) {
    if (fault.kind == vault::ChainFault::Kind::kForged ||
        fault.kind == vault::ChainFault::Kind::kFork) {
      return fail(ErrorKind::kRefused,
                  "the store shows a history that is not this device's: " + fault.message);
    }
  }
  return &*chain_;
}

Result<std::vector<PointReader::Row>> PointReader::rows(std::stop_token stop) {
  ASSIGN_OR_RETURN(const vault::HeadChain* known, chain(stop));
  std::vector<Row> rows;
  for (const vault::Point* point : known->kept()) {
    ASSIGN_OR_RETURN(model::Summary summary, vault_->summary(*point));
    rows.push_back({point, std::move(summary)});
  }
  return rows;
}

Result<PointReader::Row> PointReader::row(std::string_view text, std::stop_token stop) {
  ASSIGN_OR_RETURN(const vault::HeadChain* known, chain(stop));
  ASSIGN_OR_RETURN(const vault::Point* point, known->find_by_text(text));
  ASSIGN_OR_RETURN(model::Summary summary, vault_->summary(*point));
  return Row{point, std::move(summary)};
}

Result<vault::BlobReader*> PointReader::blobs(std::stop_token stop) {
  if (!blobs_) {
    // A place of its own: a backup may be writing its cache right now.
    ASSIGN_OR_RETURN(index_, vault::IndexCache::load(*store_, vault_->keyring(), "", stop));
    vault::BlobReaderLimits limits;
    limits.stretch = kClusterStretch;
    if (local_) {
      limits.alignment = 1;
      limits.stretch = kLocalStretch;
    }
    blobs_ = std::make_unique<vault::BlobReader>(*store_, vault_->keyring(), *index_, limits);
  }
  return blobs_.get();
}

}  // namespace obhut::endpoint
