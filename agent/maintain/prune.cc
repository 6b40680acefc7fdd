#include "agent/maintain/prune.h"

#include <algorithm>

namespace obhut::maintain {
namespace {

Result<void> refuse_damage(const vault::HeadChain& chain) {
  for (const vault::ChainFault& fault : chain.faults) {
    // Signed by nobody of this vault: it needs nothing.
    if (fault.kind == vault::ChainFault::Kind::kForged) continue;
    return fail(ErrorKind::kCorrupt, "head " + fault.head.text().substr(0, 16) + ": " +
                                         fault.message +
                                         "; prune removes nothing from a damaged vault, see "
                                         "\"obhut vault check\"");
  }
  return {};
}

Result<model::ReferenceSet> needed_objects(const vault::HeadChain& chain,
                                           const std::vector<Sha256>& dropped) {
  model::ReferenceSet needed;
  vault::ReferenceWalk walk(chain);
  for (const vault::Point* point : chain.kept()) {
    if (std::ranges::binary_search(dropped, point->id)) continue;
    ASSIGN_OR_RETURN(const model::ReferenceSet* references, walk.at(*point));
    needed.insert(references->begin(), references->end());
  }
  return needed;
}

// Index objects first: a pack that is in no index is adopted or removed, an index of packs that
// are gone is only useless.
Result<void> remove_unneeded(vault::Vault& vault, store::Reaper& reaper,
                             const PruneOptions& options, const model::ReferenceSet& needed,
                             PruneReport& report, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const std::unique_ptr<vault::IndexCache> index,
                   vault::IndexCache::load(vault.store(), vault.keyring(), "", stop));
  std::vector<store::ObjectInfo> unneeded;
  for (const store::ObjectInfo& object : index->superseded()) {
    if (!needed.contains(object.name)) unneeded.push_back(object);
  }
  report.removed_index_objects = unneeded.size();
  ASSIGN_OR_RETURN(const std::vector<store::ObjectInfo> packs,
                   vault.store().list(model::ObjectKind::kPack, stop));
  for (const store::ObjectInfo& object : packs) {
    if (!needed.contains(object.name)) unneeded.push_back(object);
  }
  report.removed_packs = unneeded.size() - report.removed_index_objects;
  PruneProgress unseen;
  PruneProgress& progress = options.progress != nullptr ? *options.progress : unseen;
  progress.total_objects = unneeded.size();
  progress.removing = true;
  for (const store::ObjectInfo& object : unneeded) {
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "prune");
    if (!options.dry_run) TRY(reaper.remove(object.name, stop));
    report.freed_bytes += object.size;
    ++progress.objects;
  }
  progress.done = true;
  return {};
}

}  // namespace

model::JobProgress job_progress(const PruneProgress& at) {
  model::JobProgress out;
  out.job = "prune";
  out.phase = at.done ? model::kDonePhase : at.removing ? "removing" : "preparing";
  out.packs_done = at.objects;
  out.packs_total = at.total_objects;
  return out;
}

Result<PruneReport> prune_vault(vault::Vault& vault, store::Reaper& reaper,
                                const PruneOptions& options, std::stop_token stop) {
  if (options.rules.keeps_nothing()) {
    return fail(ErrorKind::kInvalidInput, "no rule says what to keep");
  }
  ASSIGN_OR_RETURN(const vault::HeadChain chain, vault.heads(stop));
  TRY(refuse_damage(chain));
  PruneReport report;
  const std::vector<const vault::Point*> points = chain.kept();
  if (points.empty()) return report;
  std::vector<Instant> times;
  times.reserve(points.size());
  for (const vault::Point* point : points) times.push_back(point->head.created);
  // A device's clock may have been wrong; the order of the chain is certain.
  for (std::size_t i = 1; i < times.size(); ++i) times[i] = std::max(times[i], times[i - 1]);
  const std::vector<bool> kept = kept_points(times, options.rules);
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (!kept[i]) report.dropped.push_back(points[i]->id);
  }
  report.kept_points = points.size() - report.dropped.size();
  std::vector<Sha256> sorted = report.dropped;
  std::ranges::sort(sorted);
  // Before anything goes: what a kept point needs must be known to the last object.
  ASSIGN_OR_RETURN(const model::ReferenceSet needed, needed_objects(chain, sorted));
  if (!options.dry_run) {
    if (!report.dropped.empty()) TRY(vault.mark_dropped(report.dropped, stop));
    TRY(vault.sweep_heads(reaper, stop));
  }
  TRY(remove_unneeded(vault, reaper, options, needed, report, stop));
  return report;
}

}  // namespace obhut::maintain
