#include "agent/maintain/index_rewrite.h"

#include <unordered_set>

#include "agent/pack/pack_index.h"

namespace obhut::maintain {
namespace {

constexpr std::uint64_t kMostBytes = 128U << 20U;
constexpr std::size_t kStalePercent = 20;
/// An object of fewer blobs is small; so many of them are read at every start that one is better.
constexpr std::size_t kSmall = 20'000;
constexpr std::size_t kManySmall = 8;

using Names = std::unordered_set<Sha256, IdHash>;

Result<Names> packs_in_store(vault::Vault& vault, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const std::vector<store::ObjectInfo> packs,
                   vault.store().list(model::ObjectKind::kPack, stop));
  Names names;
  names.reserve(packs.size());
  for (const store::ObjectInfo& pack : packs) names.insert(pack.name.hash);
  return names;
}

std::size_t blobs_of(const pack::IndexObject& object) {
  std::size_t blobs = 0;
  for (const pack::PackInfo& pack : object.packs) blobs += pack.blobs.size();
  return blobs;
}

/// Gathers what is left of old objects until it fills a new one.
class IndexRewrite {
 public:
  IndexRewrite(vault::Vault& vault, std::uint64_t until) : vault_(vault), until_(until) {}

  Result<void> add(const model::ObjectName& old, pack::IndexObject left,
                   const std::stop_token& stop) {
    const std::size_t blobs = blobs_of(left);
    const bool full = blobs_ + blobs > pack::kMaxIndexBlobs ||
                      next_.packs.size() + left.packs.size() > pack::kMaxIndexPacks;
    if (full) TRY(write(stop));
    blobs_ += blobs;
    for (pack::PackInfo& pack : left.packs) {
      if (listed_.insert(pack.name).second) next_.packs.push_back(std::move(pack));
    }
    // What the old one superseded must not come back into force.
    next_.superseded.insert(next_.superseded.end(), left.superseded.begin(), left.superseded.end());
    next_.superseded.push_back(old.hash);
    old_.push_back(old);
    return {};
  }

  Result<void> write(const std::stop_token& stop) {
    if (old_.empty()) return {};
    ASSIGN_OR_RETURN(const Bytes sealed, pack::seal_index(vault_.keyring(), next_));
    ASSIGN_OR_RETURN(const store::ObjectName name,
                     store::put_named(vault_.store(), model::ObjectKind::kIndex, sealed, stop));
    std::vector<vault::Replacement> replacements;
    replacements.reserve(old_.size());
    for (const model::ObjectName& old : old_) {
      replacements.push_back({old, until_, {{name, sealed.size()}}});
    }
    TRY(vault_.add_replacements(std::move(replacements), stop));
    written_ += old_.size();
    old_.clear();
    next_ = {};
    blobs_ = 0;
    return {};
  }
  [[nodiscard]] std::uint64_t written() const { return written_; }

 private:
  vault::Vault& vault_;
  std::uint64_t until_;
  pack::IndexObject next_;
  Names listed_;  // in any new object
  std::size_t blobs_ = 0;
  std::vector<model::ObjectName> old_;
  std::uint64_t written_ = 0;
};

}  // namespace

Result<std::uint64_t> rewrite_index(vault::Vault& vault, const vault::IndexCache& index,
                                    std::uint64_t until, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const Names there, packs_in_store(vault, stop));
  // Sealed, a blob takes 40 bytes and more.
  const auto is_small = [](const store::ObjectInfo& object) { return object.size < kSmall * 40; };
  const std::vector<store::ObjectInfo>& objects = index.index_objects();
  const auto small = static_cast<std::size_t>(std::ranges::count_if(objects, is_small));
  IndexRewrite rewrite(vault, until);
  for (const store::ObjectInfo& object : objects) {
    const Result<Bytes> bytes = store::get_whole(vault.store(), object.name, kMostBytes, stop);
    if (!bytes && disposition_of(bytes.error().kind) != Disposition::kStopJob) {
      return std::unexpected(bytes.error());
    }
    Result<pack::IndexObject> opened =
        bytes ? pack::open_index(vault.keyring(), *bytes)
              : Result<pack::IndexObject>(std::unexpected(bytes.error()));
    // Damage is check's to tell and repair's to mend.
    if (!opened) continue;
    const std::size_t before = blobs_of(*opened);
    std::erase_if(opened->packs,
                  [&](const pack::PackInfo& pack) { return !there.contains(pack.name); });
    const std::size_t gone = before - blobs_of(*opened);
    const bool stale = gone > 0 && gone * 100 >= before * kStalePercent;
    if (!stale && !(small >= kManySmall && is_small(object))) continue;
    TRY(rewrite.add(object.name, std::move(*opened), stop));
  }
  TRY(rewrite.write(stop));
  return rewrite.written();
}

}  // namespace obhut::maintain
