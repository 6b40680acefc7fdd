#include "agent/maintain/repair.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "agent/pack/pack_index.h"
#include "agent/pack/pack_reader.h"

namespace obhut::maintain {
namespace {

class IndexRebuild {
 public:
  IndexRebuild(vault::Vault& vault, RepairReport& report, ReadProgress& progress)
      : vault_(vault), report_(report), progress_(progress) {}

  Result<void> read(const store::ObjectInfo& object, const KnownPacks& old,
                    const std::stop_token& stop) {
    const auto known = old.find(object.name.hash);
    auto pack =
        read_damaged_pack(vault_, object, known == old.end() ? nullptr : &known->second, stop);
    ++progress_.packs;
    if (!pack) {
      if (disposition_of(pack.error().kind) != Disposition::kStopJob) {
        return std::unexpected(std::move(pack).error());
      }
      const std::scoped_lock lock(mutex_);
      ++report_.unreadable_packs;
      report_.points.add({FindingKind::kPack, true, {}, object.name.text(), pack.error().message});
      return {};
    }
    progress_.bytes += pack->pack.bytes.size();
    std::vector<bool> good;
    TRY(vault::open_all_blobs(vault_.keyring(), pack->pack,
                              [&](const pack::BlobEntry&, Result<ByteView> plain) -> Result<void> {
                                good.push_back(plain.has_value());
                                return {};
                              }));
    return take(std::move(pack->pack.info), good, object.name.text(), stop);
  }

  /// The last object, which replaces the old ones: cut off before it, they are still in force.
  Result<void> finish(std::vector<Sha256> superseded, const std::stop_token& stop) {
    return write(std::move(superseded), stop);
  }

 private:
  // Writes what is there as an object of its own before it becomes too much for one.
  Result<void> take(pack::PackInfo info, const std::vector<bool>& good, const std::string& name,
                    const std::stop_token& stop) {
    const std::scoped_lock lock(mutex_);
    std::uint64_t lost = 0;
    for (std::size_t i = 0; i < info.blobs.size(); ++i) {
      if (i < good.size() && good[i]) continue;
      // Its place must stay, since the numbers of those behind it depend on it; but nobody finds
      // a blob without an id.
      info.blobs[i].id = BlobId{};
      ++lost;
    }
    report_.blobs += info.blobs.size() - lost;
    report_.lost_blobs += lost;
    ++report_.packs;
    if (lost > 0) {
      ++report_.damaged_packs;
      report_.points.add(
          {FindingKind::kPack, true, {}, name, std::to_string(lost) + " blobs of it are lost"});
    }
    const bool full =
        packs_.size() == pack::kMaxIndexPacks || blobs_ + info.blobs.size() > pack::kMaxIndexBlobs;
    if (full && !packs_.empty()) TRY(write({}, stop));
    blobs_ += info.blobs.size();
    packs_.push_back(std::move(info));
    return {};
  }

  Result<void> write(std::vector<Sha256> superseded, const std::stop_token& stop) {
    std::ranges::sort(packs_, {}, &pack::PackInfo::name);
    const pack::IndexObject index{std::exchange(packs_, {}), std::move(superseded)};
    blobs_ = 0;
    ASSIGN_OR_RETURN(const Bytes sealed, pack::seal_index(vault_.keyring(), index));
    TRY(store::put_named(vault_.store(), model::ObjectKind::kIndex, sealed, stop));
    return {};
  }

  vault::Vault& vault_;
  RepairReport& report_;
  ReadProgress& progress_;
  std::mutex mutex_;  // guards the report and what follows
  std::vector<pack::PackInfo> packs_;
  std::size_t blobs_ = 0;
};

}  // namespace

Result<RepairReport> repair_vault(vault::Vault& vault, const CheckOptions& options,
                                  ReadProgress& progress, std::stop_token stop) {
  RepairReport report;
  ASSIGN_OR_RETURN(const std::unique_ptr<vault::IndexCache> old,
                   vault::IndexCache::load(vault.store(), vault.keyring(), "", stop));
  ASSIGN_OR_RETURN(const std::vector<store::ObjectInfo> packs,
                   vault.store().list(model::ObjectKind::kPack, stop));
  ASSIGN_OR_RETURN(const std::vector<store::ObjectInfo> indexes,
                   vault.store().list(model::ObjectKind::kIndex, stop));
  progress.total_packs = packs.size();
  for (const store::ObjectInfo& object : packs) progress.total_bytes += object.size;
  progress.phase = CheckPhase::kReading;
  IndexRebuild rebuild(vault, report, progress);
  const auto read_part = [&](const std::vector<store::ObjectInfo>& part, const KnownPacks& known) {
    return for_each_pack(
        part, options.workers,
        [&](const store::ObjectInfo& object) { return rebuild.read(object, known, stop); }, stop);
  };
  TRY(for_each_part(*old, packs, kBlobsAtOnce, read_part));
  std::vector<Sha256> superseded;
  superseded.reserve(indexes.size());
  for (const store::ObjectInfo& object : indexes) superseded.push_back(object.name.hash);
  TRY(rebuild.finish(std::move(superseded), stop));

  ASSIGN_OR_RETURN(const vault::HeadChain chain, vault.heads(stop));
  for (const vault::ChainFault& fault : chain.faults) {
    report.points.add({FindingKind::kHead, false, fault.head, fault.head.text(), fault.message});
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<vault::IndexCache> fresh,
                   vault::IndexCache::load(vault.store(), vault.keyring(), "", stop));
  const BlobHealth health(*fresh);
  TRY(check_points(vault, chain, *fresh, health, options.reader, report.points, progress, stop));
  TRY(fresh->intact());
  progress.phase = CheckPhase::kDone;
  return report;
}

}  // namespace obhut::maintain
