#include "agent/maintain/repack.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>

#include "agent/pack/pack_index.h"
#include "agent/pack/pack_writer.h"
#include "agent/seal/sealer.h"

namespace obhut::maintain {
namespace {

bool pays(const PackShare& pack, const RepackLimits& limits) {
  return (pack.size - pack.live) * 100 >= pack.size * limits.least_dead;
}

/// A blob to copy, in the order of the chosen packs and of their bytes.
struct LiveBlob {
  std::size_t order = 0;  // of its pack in the list of chosen ones
  std::uint32_t offset = 0;
  std::uint32_t plain_length = 0;
  BlobId id;
};

std::vector<LiveBlob> list_live_blobs(const vault::IndexCache& index, const LiveBlobs& live,
                                      const std::vector<PackShare>& chosen) {
  std::unordered_map<std::uint32_t, std::size_t> order;
  for (std::size_t i = 0; i < chosen.size(); ++i) order.emplace(chosen[i].pack, i);
  std::vector<LiveBlob> blobs;
  index.for_each_blob([&](const BlobId& id, const vault::BlobLocation& blob) {
    const auto at = order.find(blob.pack);
    if (at == order.end() || !live.is_live(blob)) return;
    blobs.push_back({at->second, blob.entry.offset, blob.entry.plain_length, id});
  });
  std::ranges::sort(blobs, [](const LiveBlob& a, const LiveBlob& b) {
    return std::tie(a.order, a.offset) < std::tie(b.order, b.offset);
  });
  return blobs;
}

/// Fills and puts packs of one kind.
class CopyWriter {
 public:
  CopyWriter(vault::Vault& vault, model::BlobKind kind)
      : store_(vault.store()), sealer_(vault.keyring()), writer_(sealer_, kind) {}

  [[nodiscard]] bool fits(std::size_t length) const { return writer_.fits(length); }
  [[nodiscard]] bool empty() const { return writer_.empty(); }
  Result<void> add(const BlobId& id, ByteView plain) { return writer_.add(id, plain); }
  Result<pack::PackInfo> finish(const std::stop_token& stop) {
    ASSIGN_OR_RETURN(pack::FinishedPack pack, writer_.finish());
    TRY(store_.put({model::ObjectKind::kPack, pack.info.name}, pack.bytes(), stop));
    return std::move(pack.info);
  }

 private:
  store::Store& store_;
  seal::Sealer sealer_;
  pack::PackWriter writer_;
};

/// The copies of some packs, from their first blob until the old packs are replaced.
class CopyBatch {
 public:
  CopyBatch(vault::Vault& vault, vault::IndexCache& index) : vault_(vault), index_(index) {}

  Result<void> add(std::uint32_t old, model::BlobKind kind, const BlobId& id, ByteView plain,
                   const std::stop_token& stop) {
    std::set<BlobId>& of_old = blobs_of_[old];
    of_old.insert(id);
    // Two of the old packs may hold one blob.
    if (!copied_.insert(id).second) return {};
    std::unique_ptr<CopyWriter>& writer = writers_[kind == model::BlobKind::kNodes ? 1 : 0];
    if (!writer) writer = std::make_unique<CopyWriter>(vault_, kind);
    if (!writer->fits(plain.size())) TRY(finish_pack(*writer, stop));
    bytes_ += plain.size();
    return writer->add(id, plain);
  }
  void begin(std::uint32_t old) { blobs_of_.try_emplace(old); }
  /// The pack stays: one of its blobs could not be opened.
  void give_up(std::uint32_t old) { blobs_of_.erase(old); }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

  Result<void> commit(std::uint64_t until, RepackReport& report, const std::stop_token& stop) {
    for (const std::unique_ptr<CopyWriter>& writer : writers_) {
      if (writer && !writer->empty()) TRY(finish_pack(*writer, stop));
    }
    TRY(write_index(stop));
    // What lives was told by the index: where a page of it proved damaged, too little was copied.
    TRY(index_.intact());
    std::vector<vault::Replacement> replacements;
    replacements.reserve(blobs_of_.size());
    for (const auto& [old, blobs] : blobs_of_) {
      const Sha256 name = index_.pack(old).name;
      replacements.push_back({{model::ObjectKind::kPack, name}, until, packs_of(blobs)});
    }
    TRY(vault_.add_replacements(replacements, stop));
    for (const pack::PackInfo& pack : packs_) {
      index_.add(pack);
      report.copied_bytes += pack.size;
    }
    for (const vault::Replacement& replacement : replacements) {
      index_.forget(replacement.old.hash);
    }
    report.packs += replacements.size();
    return {};
  }

 private:
  Result<void> finish_pack(CopyWriter& writer, const std::stop_token& stop) {
    ASSIGN_OR_RETURN(pack::PackInfo pack, writer.finish(stop));
    packs_.push_back(std::move(pack));
    return {};
  }

  Result<void> write_index(const std::stop_token& stop) {
    if (packs_.empty()) return {};
    ASSIGN_OR_RETURN(const Bytes sealed, pack::seal_index(vault_.keyring(), {packs_, {}}));
    TRY(store::put_named(vault_.store(), model::ObjectKind::kIndex, sealed, stop));
    return {};
  }

  std::vector<model::Reference> packs_of(const std::set<BlobId>& blobs) const {
    std::vector<model::Reference> packs;
    for (const pack::PackInfo& pack : packs_) {
      const bool holds = std::ranges::any_of(
          pack.blobs, [&](const pack::BlobEntry& blob) { return blobs.contains(blob.id); });
      if (holds) packs.push_back({{model::ObjectKind::kPack, pack.name}, pack.size});
    }
    return packs;
  }

  vault::Vault& vault_;
  vault::IndexCache& index_;
  std::array<std::unique_ptr<CopyWriter>, 2> writers_;
  std::map<std::uint32_t, std::set<BlobId>> blobs_of_;  // by the old pack's number
  std::set<BlobId> copied_;
  std::vector<pack::PackInfo> packs_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

RepackChoice choose_packs(std::vector<PackShare> packs, const RepackLimits& limits) {
  std::uint64_t total = 0;
  std::uint64_t dead = 0;
  for (const PackShare& pack : packs) {
    total += pack.size;
    dead += pack.size - pack.live;
  }
  const std::uint64_t tolerated = total / 100 * limits.tolerated;
  const std::uint64_t most = std::max(total / 100 * limits.most_copied, limits.free_bytes);
  std::erase_if(packs, [&](const PackShare& pack) { return !pays(pack, limits); });
  // Ascending by live / size, without a fraction; packs are far below 2^32 bytes.
  std::ranges::sort(packs, [](const PackShare& a, const PackShare& b) {
    const std::uint64_t left = a.live * b.size;
    const std::uint64_t right = b.live * a.size;
    return left != right ? left < right : a.pack < b.pack;
  });
  RepackChoice choice;
  std::uint64_t copied = 0;
  for (const PackShare& pack : packs) {
    if (dead <= tolerated) break;
    if (copied + pack.live > most) {
      choice.complete = false;
      break;
    }
    copied += pack.live;
    dead -= pack.size - pack.live;
    choice.packs.push_back(pack);
  }
  return choice;
}

Result<void> copy_live_blobs(vault::Vault& vault, vault::IndexCache& index, const LiveBlobs& live,
                             const std::vector<PackShare>& chosen, std::uint64_t until,
                             const RepackLimits& limits, const std::function<Result<void>()>& done,
                             RepackReport& report, const std::stop_token& stop) {
  const std::vector<LiveBlob> blobs = list_live_blobs(index, live, chosen);
  // Each blob is read once: nothing to keep.
  vault::BlobReader reader(vault.store(), vault.keyring(), index,
                           {.cached_plain = 0, .alignment = 1, .cached_windows = 0});
  std::optional<CopyBatch> batch;
  std::size_t next = 0;
  for (std::size_t order = 0; order < chosen.size(); ++order) {
    if (!batch) batch.emplace(vault, index);
    const std::uint32_t old = chosen[order].pack;
    const model::BlobKind kind = index.pack(old).kind;
    batch->begin(old);
    bool whole = true;
    for (; next < blobs.size() && blobs[next].order == order; ++next) {
      if (!whole) continue;
      const auto plain = reader.blob(blobs[next].id, stop);
      if (plain) {
        TRY(batch->add(old, kind, blobs[next].id, **plain, stop));
        continue;
      }
      if (disposition_of(plain.error().kind) != Disposition::kStopJob) {
        return std::unexpected(plain.error());
      }
      batch->give_up(old);
      whole = false;
    }
    if (batch->bytes() < limits.batch && order + 1 < chosen.size()) continue;
    TRY(batch->commit(until, report, stop));
    batch.reset();
    TRY(done());
  }
  return {};
}

}  // namespace obhut::maintain
