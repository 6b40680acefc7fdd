#include "agent/pipeline/run_index.h"

#include <algorithm>
#include <unordered_map>

#include "agent/pack/pack_index.h"

namespace obhut::pipeline {
namespace {

/// Packs that the store lists and the index does not know. What the index knows and the store does
/// not list, or in another size, the index forgets.
/// Walks both in one pass by number: asking for each name would read a page of the index each time.
Result<std::vector<store::ObjectInfo>> compare_with_store(vault::Vault& vault,
                                                          vault::IndexCache& index, const Log& log,
                                                          const std::stop_token& stop) {
  ASSIGN_OR_RETURN(std::vector<store::ObjectInfo> listed,
                   vault.store().list(model::ObjectKind::kPack, stop));
  std::vector<bool> known(listed.size(), false);
  std::uint64_t missing = 0;
  for (std::uint32_t number = 0; number < index.pack_count(); ++number) {
    const pack::PackInfo pack = index.pack(number);
    const auto at =
        std::ranges::lower_bound(listed, store::ObjectName{model::ObjectKind::kPack, pack.name}, {},
                                 &store::ObjectInfo::name);
    const bool found = at != listed.end() && at->name.hash == pack.name;
    if (found) known[static_cast<std::size_t>(at - listed.begin())] = true;
    if (found && at->size == pack.size) continue;
    index.forget(number);
    ++missing;
  }
  TRY(index.intact());
  if (missing > 0) log.info("packs of the index are gone", field("packs", missing));
  std::size_t kept = 0;
  for (std::size_t i = 0; i < listed.size(); ++i) {
    if (!known[i]) listed[kept++] = listed[i];
  }
  listed.resize(kept);
  return listed;
}

}  // namespace

Result<RunIndex> load_run_index(vault::Vault& vault, const std::string& directory, const Log& log,
                                const std::stop_token& stop) {
  RunIndex run;
  ASSIGN_OR_RETURN(run.index,
                   vault::IndexCache::load(vault.store(), vault.keyring(), directory, stop));
  for (const vault::IndexCache::Fault& fault : run.index->faults()) {
    log.warn("index object cannot be read", field("index", fault.index),
             field("why", fault.error.message));
  }
  ASSIGN_OR_RETURN(const std::vector<store::ObjectInfo> unknown,
                   compare_with_store(vault, *run.index, log, stop));
  // Their copies serve: a new head that named one would keep what is dead in it.
  for (const auto& [old, replacement] : vault.replacements().all()) {
    if (old.kind == model::ObjectKind::kPack) run.index->forget(old.hash);
  }
  ASSIGN_OR_RETURN(vault::Adopted adopted,
                   vault::adopt_packs(vault.store(), vault.keyring(), unknown, stop));
  for (const auto& unreadable : adopted.unreadable) {
    log.warn("pack cannot be adopted", field("pack", unreadable.pack.name.hash),
             field("why", unreadable.error.message));
  }
  run.orphans = std::move(adopted.packs);
  return run;
}

Result<std::optional<store::ObjectInfo>> merge_index_objects(
    vault::Vault& vault, const vault::IndexCache& index, const std::vector<store::ObjectInfo>& also,
    const std::stop_token& stop) {
  const std::size_t count = index.index_objects().size() + also.size();
  if (count <= kManyIndexObjects || index.blob_count() > pack::kMaxIndexBlobs) return std::nullopt;
  std::unordered_map<std::uint32_t, pack::PackInfo> packs;
  index.for_each_blob([&](const BlobId&, const vault::BlobLocation& location) {
    auto [place, fresh] = packs.try_emplace(location.pack);
    if (fresh) place->second = index.pack(location.pack);
    std::vector<pack::BlobEntry>& blobs = place->second.blobs;
    // By number: a blob's nonce is its place in the list.
    if (blobs.size() <= location.number) blobs.resize(location.number + 1);
    blobs[location.number] = location.entry;
  });
  // What it replaces must be in it to the last blob.
  TRY(index.intact());
  pack::IndexObject merged;
  for (auto& [number, pack] : packs) merged.packs.push_back(std::move(pack));
  std::ranges::sort(merged.packs, {}, &pack::PackInfo::name);
  for (const store::ObjectInfo& object : index.index_objects()) {
    merged.superseded.push_back(object.name.hash);
  }
  for (const store::ObjectInfo& object : also) merged.superseded.push_back(object.name.hash);
  std::ranges::sort(merged.superseded);
  if (merged.packs.size() > pack::kMaxIndexPacks) return std::nullopt;
  ASSIGN_OR_RETURN(const Bytes sealed, pack::seal_index(vault.keyring(), merged));
  ASSIGN_OR_RETURN(const store::ObjectName name,
                   store::put_named(vault.store(), model::ObjectKind::kIndex, sealed, stop));
  return store::ObjectInfo{name, sealed.size()};
}

}  // namespace obhut::pipeline
