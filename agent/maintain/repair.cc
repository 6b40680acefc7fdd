#include "agent/maintain/repair.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "agent/pack/pack_index.h"
#include "agent/pack/pack_reader.h"

namespace obhut::maintain {
namespace {

class IndexRebuild {
 public:
  IndexRebuild(vault::Vault& vault, const vault::IndexCache& old, RepairReport& report,
               ReadProgress& progress)
      : vault_(vault), report_(report), progress_(progress), known_(packs_of(old)) {}

  Result<void> read(const store::ObjectInfo& object, const std::stop_token& stop) {
    const auto known = known_.find(object.name.hash);
    auto pack =
        read_damaged_pack(vault_, object, known == known_.end() ? nullptr : &known->second, stop);
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
    take(std::move(pack->pack.info), good, object.name.text());
    return {};
  }

  Result<void> write(const std::vector<Sha256>& superseded, const std::stop_token& stop) {
    std::ranges::sort(packs_, {}, &pack::PackInfo::name);
    std::size_t at = 0;
    bool first = true;
    while (first || at < packs_.size()) {
      pack::IndexObject index;
      std::size_t blobs = 0;
      while (at < packs_.size() && index.packs.size() < pack::kMaxIndexPacks &&
             blobs + packs_[at].blobs.size() <= pack::kMaxIndexBlobs) {
        blobs += packs_[at].blobs.size();
        index.packs.push_back(std::move(packs_[at++]));
      }
      // The last one replaces the old: cut off before it, the old index is still in force.
      if (at == packs_.size()) index.superseded = superseded;
      ASSIGN_OR_RETURN(const Bytes sealed, pack::seal_index(vault_.keyring(), index));
      TRY(store::put_named(vault_.store(), model::ObjectKind::kIndex, sealed, stop));
      first = false;
    }
    return {};
  }

 private:
  void take(pack::PackInfo info, const std::vector<bool>& good, const std::string& name) {
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
    packs_.push_back(std::move(info));
  }

  vault::Vault& vault_;
  RepairReport& report_;
  ReadProgress& progress_;
  const std::unordered_map<Sha256, pack::PackInfo, IdHash> known_;
  std::mutex mutex_;
  std::vector<pack::PackInfo> packs_;
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
  IndexRebuild rebuild(vault, *old, report, progress);
  TRY(for_each_pack(
      packs, options.workers,
      [&](const store::ObjectInfo& object) { return rebuild.read(object, stop); }, stop));
  std::vector<Sha256> superseded;
  superseded.reserve(indexes.size());
  for (const store::ObjectInfo& object : indexes) superseded.push_back(object.name.hash);
  TRY(rebuild.write(superseded, stop));

  ASSIGN_OR_RETURN(const vault::HeadChain chain, vault.heads(stop));
  for (const vault::ChainFault& fault : chain.faults) {
    report.points.add({FindingKind::kHead, false, fault.head, fault.head.text(), fault.message});
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<vault::IndexCache> fresh,
                   vault::IndexCache::load(vault.store(), vault.keyring(), "", stop));
  const BlobHealth health(*fresh);
  TRY(check_points(vault, chain, *fresh, health, options.reader, report.points, stop));
  return report;
}

}  // namespace obhut::maintain
