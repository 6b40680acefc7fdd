#include "agent/maintain/prune.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "agent/maintain/index_rewrite.h"
#include "agent/maintain/needs.h"
#include "agent/maintain/removal.h"
#include "agent/maintain/repack_stamp.h"
#include "agent/vault/sparse_blobs.h"

namespace obhut::maintain {
namespace {

/// One prune, step by step.
class Prune {
 public:
  Prune(vault::Vault& vault, store::Reaper& reaper, const PruneOptions& options,
        std::stop_token stop)
      : vault_(vault),
        reaper_(reaper),
        options_(options),
        progress_(options.progress != nullptr ? *options.progress : unseen_),
        stop_(std::move(stop)) {}

  Result<PruneReport> run() {
    ASSIGN_OR_RETURN(chain_, vault_.heads(stop_));
    if (chain_.kept().empty()) return take_report();
    choose_points();
    TRY(load_index());
    if (options_.dry_run) {
      std::vector<Sha256> sorted = report_.dropped;
      std::ranges::sort(sorted);
      ASSIGN_OR_RETURN(removal_, count_unneeded(vault_, chain_, sorted, *index_, stop_));
      return take_report();
    }
    if (!report_.dropped.empty()) TRY(vault_.mark_dropped(report_.dropped, stop_));
    ASSIGN_OR_RETURN(const bool alone, remove());
    // Copies that free nothing for now only make a full disk fuller.
    if (alone && options_.repack) TRY(repack());
    return take_report();
  }

 private:
  Result<void> load_index() {
    const std::string& cache = options_.cache_directory;
    ASSIGN_OR_RETURN(index_, vault::IndexCache::load(vault_.store(), vault_.keyring(),
                                                     cache.empty() ? "" : cache + "/index", stop_));
    return {};
  }

  void choose_points() {
    const std::vector<const vault::Point*> points = chain_.kept();
    std::vector<Instant> times;
    times.reserve(points.size());
    for (const vault::Point* point : points) times.push_back(point->head.created);
    // A device's clock may have been wrong; the order of the chain is certain.
    for (std::size_t i = 1; i < times.size(); ++i) times[i] = std::max(times[i], times[i - 1]);
    const std::vector<bool> kept = kept_points(times, options_.rules);
    for (std::size_t i = 0; i < points.size(); ++i) {
      if (!kept[i]) report_.dropped.push_back(points[i]->id);
    }
    report_.kept_points = points.size() - report_.dropped.size();
    choose_damaged();
  }

  void choose_damaged() {
    std::vector<Sha256> sorted = report_.dropped;
    std::ranges::sort(sorted);
    for (DamagedHead& head : damaged_heads(vault_, chain_)) {
      const bool goes = is_surely_dropped(head, chain_, sorted, options_.rules.all_since);
      if (goes) report_.dropped.push_back(head.id);
      report_.faults.push_back({head.id, std::move(head.message), goes});
    }
  }

  // False where somebody is at work.
  Result<bool> remove() {
    progress_.phase = PrunePhase::kRemoving;
    return remove_unneeded(vault_, reaper_, *index_, removal_, stop_);
  }

  Result<void> repack() {
    RepackStamp stamp(options_.cache_directory);
    // Under the heads of now: a point that a backup commits meanwhile names the old packs, which
    // stay with it.
    ASSIGN_OR_RETURN(chain_, vault_.heads(stop_));
    if (stamp.covers(chain_)) return {};
    LiveBlobs live(*index_);
    TRY(index_->intact());
    ASSIGN_OR_RETURN(const bool whole, mark_points(live));
    if (!whole) return {};
    ASSIGN_OR_RETURN(std::vector<PackShare> shares, pack_shares(live));
    const std::uint64_t until = chain_.tip()->head.sequence;
    const RepackChoice choice = choose_packs(std::move(shares), options_.limits);
    progress_.total_packs = choice.packs.size();
    progress_.phase = PrunePhase::kCopying;
    const auto done = [&]() -> Result<void> {
      progress_.packs = copies_.packs;
      ASSIGN_OR_RETURN(alone_, remove());
      progress_.phase = PrunePhase::kCopying;
      return {};
    };
    TRY(copy_live_blobs(vault_, *index_, live, choice.packs, until, options_.limits, done, copies_,
                        stop_));
    if (alone_) TRY(rewrite_stale_index(until));
    if (choice.complete && alone_) stamp.write(chain_);
    return {};
  }

  // False where a point cannot be read: what it needs is not known then.
  Result<bool> mark_points(LiveBlobs& live) {
    vault::BlobReader reader(vault_.store(), vault_.keyring(), *index_, {.alignment = 1});
    ASSIGN_OR_RETURN(const std::optional<Error> unread,
                     mark_kept_points(
                         vault_, reader, chain_, live, [&] { note_sparse_blobs(live); }, stop_));
    report_.unread_points = unread.has_value();
    return !report_.unread_points;
  }

  // In: what the newest point uses, which is what the next one goes on from.
  void note_sparse_blobs(const LiveBlobs& live) {
    std::uint64_t total = 0;
    for (std::uint32_t number = 0; number < index_->pack_count(); ++number) {
      total += index_->pack(number).size;
    }
    const std::uint64_t most =
        std::max(total / 100 * options_.limits.most_copied, options_.limits.free_bytes);
    // ignored: a hint to the next backup, which without it stores no less than it must
    (void)vault::write_sparse_blobs(options_.cache_directory, live.sparse(most));
  }

  // Of the packs that readable heads alone need.
  Result<std::vector<PackShare>> pack_shares(const LiveBlobs& live) {
    ASSIGN_OR_RETURN(const Needs needs, find_needs(vault_, chain_, {}, *index_, stop_));
    std::vector<PackShare> shares;
    if (needs.every_pack) return shares;
    for (std::uint32_t number = 0; number < index_->pack_count(); ++number) {
      const pack::PackInfo pack = index_->pack(number);
      const model::ObjectName name{model::ObjectKind::kPack, pack.name};
      const auto needed = needs.objects.find(name);
      if (needed == needs.objects.end() || needed->second != pack.size) continue;
      if (needs.for_damaged.contains(pack.name)) continue;
      // Ids and keys of an epoch that is past stay in its packs.
      if (pack.epoch != vault_.keyring().current()) continue;
      shares.push_back({number, pack.size, std::min(pack.size, live.live_bytes(number))});
    }
    return shares;
  }

  Result<void> rewrite_stale_index(std::uint64_t until) {
    if (removal_.packs == 0) return {};
    TRY(load_index());
    ASSIGN_OR_RETURN(const std::uint64_t superseded, rewrite_index(vault_, *index_, until, stop_));
    if (superseded == 0) return {};
    TRY(load_index());
    ASSIGN_OR_RETURN(alone_, remove());
    return {};
  }

  PruneReport take_report() {
    report_.removed_packs = removal_.packs;
    report_.removed_index_objects = removal_.index_objects;
    report_.freed_bytes = removal_.bytes;
    report_.waiting_packs = removal_.waiting_packs;
    report_.waiting_bytes = removal_.waiting_bytes;
    report_.repacked_packs = copies_.packs;
    report_.copied_bytes = copies_.copied_bytes;
    progress_.phase = PrunePhase::kDone;
    return std::move(report_);
  }

  vault::Vault& vault_;
  store::Reaper& reaper_;
  const PruneOptions& options_;
  PruneProgress unseen_;
  PruneProgress& progress_;
  std::stop_token stop_;
  vault::HeadChain chain_;
  std::unique_ptr<vault::IndexCache> index_;
  PruneReport report_;
  RemovalReport removal_;
  RepackReport copies_;
  bool alone_ = true;
};

const char* word_of(PrunePhase phase) {
  switch (phase) {
    case PrunePhase::kPreparing:
      return "preparing";
    case PrunePhase::kRemoving:
      return "removing";
    case PrunePhase::kCopying:
      return "copying";
    case PrunePhase::kDone:
      break;
  }
  return model::kDonePhase;
}

}  // namespace

model::JobProgress job_progress(const PruneProgress& at) {
  const PrunePhase phase = at.phase;
  model::JobProgress out;
  out.job = "prune";
  out.phase = word_of(phase);
  if (phase != PrunePhase::kCopying) return out;
  out.packs_done = at.packs;
  out.packs_total = at.total_packs;
  return out;
}

Result<PruneReport> prune_vault(vault::Vault& vault, store::Reaper& reaper,
                                const PruneOptions& options, std::stop_token stop) {
  if (options.rules.keeps_nothing()) {
    return fail(ErrorKind::kInvalidInput, "no rule says what to keep");
  }
  return Prune(vault, reaper, options, std::move(stop)).run();
}

}  // namespace obhut::maintain
