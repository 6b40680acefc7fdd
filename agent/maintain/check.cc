#include "agent/maintain/check.h"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "agent/model/node.h"
#include "agent/restore/point_tree.h"

namespace obhut::maintain {
namespace {

/// All that the store lists of packs and index objects, ascending by name: of 600,000 packs 29 MB,
/// which as a map would be twice that.
class Sizes {
 public:
  explicit Sizes(std::vector<store::ObjectInfo> sorted) : sorted_(std::move(sorted)) {}
  [[nodiscard]] std::optional<std::uint64_t> of(const store::ObjectName& name) const {
    const auto at = std::ranges::lower_bound(sorted_, name, {}, &store::ObjectInfo::name);
    if (at == sorted_.end() || at->name != name) return std::nullopt;
    return at->size;
  }
  [[nodiscard]] const std::vector<store::ObjectInfo>& all() const { return sorted_; }

 private:
  std::vector<store::ObjectInfo> sorted_;
};

bool ends_check(const Error& error) {
  return disposition_of(error.kind) == Disposition::kRetry || error.kind == ErrorKind::kCancelled;
}

Result<Sizes> listed_sizes(store::Store& store, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(std::vector<store::ObjectInfo> all, store.list(model::ObjectKind::kPack, stop));
  ASSIGN_OR_RETURN(const std::vector<store::ObjectInfo> indexes,
                   store.list(model::ObjectKind::kIndex, stop));
  all.insert(all.end(), indexes.begin(), indexes.end());
  std::ranges::sort(all);
  return Sizes(std::move(all));
}

// ---- packs

// Reads packs whole, opens all their blobs, and holds them against what the index says of them.
class PackCheck {
 public:
  PackCheck(vault::Vault& vault, const vault::IndexCache& index, BlobHealth& health,
            CheckReport& report, ReadProgress& progress)
      : vault_(vault), index_(index), health_(health), report_(report), progress_(progress) {}

  Result<void> read(const store::ObjectInfo& object, const KnownPacks& indexed_packs,
                    const std::stop_token& stop) {
    const std::optional<std::uint32_t> number = index_.find_pack(object.name.hash);
    const auto indexed = indexed_packs.find(object.name.hash);
    const pack::PackInfo* known = indexed == indexed_packs.end() ? nullptr : &indexed->second;
    auto pack = read_damaged_pack(vault_, object, known, stop);
    ++progress_.packs;
    if (!pack) {
      if (ends_check(pack.error())) return std::unexpected(std::move(pack).error());
      if (number) health_.mark_pack_bad(*number);
      // A pack that no point can need is not worth an alarm.
      tell(object, pack.error().message, !number);
      return {};
    }
    progress_.bytes += pack->pack.bytes.size();
    std::vector<bool> good;
    TRY(vault::open_all_blobs(vault_.keyring(), pack->pack,
                              [&](const pack::BlobEntry&, Result<ByteView> plain) -> Result<void> {
                                good.push_back(plain.has_value());
                                return {};
                              }));
    bool whole = true;
    if (number && known != nullptr) whole = compare(*number, *known, pack->pack.info, good);
    // Damage that repair has dealt with is told, but alarms no more.
    if (pack->damage) tell(object, pack->damage->message, whole);
    if (!pack->damage && !whole) tell(object, "the index does not say what it holds", false);
    return {};
  }

 private:
  // False where a blob that the index promises is not there.
  bool compare(std::uint32_t number, const pack::PackInfo& known, const pack::PackInfo& found,
               const std::vector<bool>& good) {
    bool whole = true;
    for (std::size_t i = 0; i < known.blobs.size(); ++i) {
      if (known.blobs[i].id.is_zero()) continue;
      const bool same = i < found.blobs.size() && found.blobs[i] == known.blobs[i];
      if (same && i < good.size() && good[i]) continue;
      health_.mark_blob_bad(number, static_cast<std::uint32_t>(i));
      whole = false;
    }
    return whole;
  }

  void tell(const store::ObjectInfo& object, std::string message, bool harmless) {
    if (!harmless) ++progress_.errors;
    const std::scoped_lock lock(mutex_);
    report_.add({FindingKind::kPack, harmless, {}, object.name.text(), std::move(message)});
  }

  vault::Vault& vault_;
  const vault::IndexCache& index_;
  BlobHealth& health_;
  CheckReport& report_;
  ReadProgress& progress_;
  std::mutex mutex_;
};

// ---- points

struct RefHash {
  std::size_t operator()(const model::Ref& ref) const {
    return IdHash{}(ref.blob) ^ (std::size_t{ref.offset} * 0x9E3779B97F4A7C15ULL);
  }
};

// Walks points one after the other. A directory part that an earlier point shares was proven
// already, as long as the later head names all packs that the proof rested on.
class PointCheck {
 public:
  PointCheck(vault::BlobReader& reader, const vault::IndexCache& index, const BlobHealth& health,
             CheckReport& report, ReadProgress& progress)
      : reader_(reader), index_(index), health_(health), report_(report), progress_(progress) {}

  Result<void> point(const vault::Point& point, const model::Summary& summary,
                     const model::ReferenceSet& references, const std::stop_token& stop) {
    point_ = point.id;
    take_references(references);
    restore::PointTree tree(reader_, summary.root);
    bool skip = proven(summary.root);
    tree.on_part([&](const model::Ref& ref) { blob(ref, FindingKind::kDirectory, current_); });
    if (skip) return {};
    const std::uint64_t errors = report_.errors;
    std::vector<std::uint64_t> errors_at_enter;
    for (;;) {
      ASSIGN_OR_RETURN(const std::optional<restore::Step> step, tree.next(stop));
      if (!step) break;
      if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "check");
      current_ = step->path;
      switch (step->kind) {
        case restore::StepKind::kEnter:
          errors_at_enter.push_back(report_.errors);
          if (proven(step->entry->children)) tree.skip_content();
          break;
        case restore::StepKind::kLeave:
          if (errors_at_enter.back() == report_.errors) remember(step->entry->children);
          errors_at_enter.pop_back();
          break;
        case restore::StepKind::kEntry:
          ++report_.files;
          progress_.files.store(report_.files, std::memory_order_relaxed);
          TRY(entry(*step->entry, stop));
          break;
        case restore::StepKind::kFault:
          tell(FindingKind::kDirectory, current_, step->error.message);
          break;
      }
    }
    if (errors == report_.errors) remember(summary.root);
    return {};
  }

 private:
  void take_references(const model::ReferenceSet& references) {
    std::vector<bool> packs(index_.pack_count(), false);
    for (const auto& [name, size] : references) {
      if (name.kind != model::ObjectKind::kPack) continue;
      if (const auto number = index_.find_pack(name.hash)) packs[*number] = true;
    }
    for (std::size_t i = 0; i < used_.size(); ++i) {
      if (used_[i] && !packs[i]) {
        proven_.clear();
        used_.assign(packs.size(), false);
        break;
      }
    }
    used_.resize(packs.size(), false);
    packs_ = std::move(packs);
  }

  bool proven(const std::vector<model::Ref>& parts) const {
    return !parts.empty() && std::ranges::all_of(parts, [&](const model::Ref& part) {
      return proven_.contains(part);
    });
  }
  void remember(const std::vector<model::Ref>& parts) {
    proven_.insert(parts.begin(), parts.end());
  }

  void tell(FindingKind kind, std::string_view path, std::string message) {
    report_.add({kind, false, point_, std::string(path), std::move(message)});
    progress_.errors = report_.errors;
  }

  // True where the blob is good, and told where it is not, or not among the head's packs.
  bool blob(const model::Ref& ref, FindingKind kind, std::string_view path) {
    if (last_ == ref.blob && ref.offset + std::uint64_t{ref.length} <= last_length_) return true;
    auto location = health_.good_copy(ref.blob, &packs_);
    if (!location) {
      location = health_.good_copy(ref.blob);
      if (!location) {
        tell(kind, path, "blob " + ref.blob.text().substr(0, 16) + " is lost");
        return false;
      }
      tell(FindingKind::kReference, path,
           "its blob lies in a pack that the point's head does not name");
      return false;
    }
    if (ref.offset + std::uint64_t{ref.length} > location->entry.plain_length) {
      tell(kind, path, "a piece lies outside its blob");
      return false;
    }
    used_[location->pack] = true;
    last_ = ref.blob;
    last_length_ = location->entry.plain_length;
    return true;
  }

  Result<void> entry(const model::Entry& entry, const std::stop_token& stop) {
    if (entry.type != model::EntryType::kFile) return {};
    bool good = true;
    std::uint64_t length = 0;
    TRY(pieces(entry.content.pieces, entry.content.level, length, good, stop));
    if (good && length != entry.size) {
      tell(FindingKind::kFile, current_, "its pieces do not add up to its size");
    }
    return {};
  }

  // Stops at the first damage: one finding a file.
  Result<void> pieces(const std::vector<model::Piece>& list, unsigned level, std::uint64_t& length,
                      bool& good, const std::stop_token& stop) {
    for (const model::Piece& piece : list) {
      if (!good) return {};
      if (level == 0) {
        good = !piece.ref || blob(*piece.ref, FindingKind::kFile, current_);
        if (good && piece.ref && piece.ref->length != piece.length) {
          good = false;
          tell(FindingKind::kFile, current_, "a piece is not as long as it says");
        }
        length += piece.length;
        continue;
      }
      good = piece.ref && blob(*piece.ref, FindingKind::kFile, current_);
      if (!good) return {};
      auto slice = reader_.slice(*piece.ref, stop);
      if (!slice && ends_check(slice.error())) return std::unexpected(std::move(slice).error());
      const auto below = slice ? model::parse_pieces(slice->bytes)
                               : Result<std::vector<model::Piece>>(std::unexpected(slice.error()));
      if (!below) {
        good = false;
        tell(FindingKind::kFile, current_, below.error().message);
        return {};
      }
      TRY(pieces(*below, level - 1, length, good, stop));
    }
    return {};
  }

  vault::BlobReader& reader_;
  const vault::IndexCache& index_;
  const BlobHealth& health_;
  CheckReport& report_;
  ReadProgress& progress_;
  Sha256 point_;
  std::string current_;
  std::vector<bool> packs_;  // that the point's head names
  std::vector<bool> used_;   // that what is proven rests on
  std::unordered_set<model::Ref, RefHash> proven_;
  std::optional<BlobId> last_;
  std::uint64_t last_length_ = 0;
};

void check_references(const vault::Point& point, const model::ReferenceSet& references,
                      const Sizes& sizes, CheckReport& report) {
  for (const auto& [name, size] : references) {
    const std::optional<std::uint64_t> found = sizes.of(name);
    // Every pack says itself what it holds: an index object that is gone can be made again.
    const bool harmless = name.kind == model::ObjectKind::kIndex;
    if (!found) {
      report.add({FindingKind::kReference, harmless, point.id, name.text(), "is missing"});
    } else if (*found != size) {
      report.add({FindingKind::kReference, harmless, point.id, name.text(),
                  "has " + std::to_string(*found) + " bytes, not " + std::to_string(size)});
    }
  }
}

void check_index(const vault::IndexCache& index, const Sizes& sizes, BlobHealth& health,
                 CheckReport& report) {
  for (const vault::IndexCache::Fault& fault : index.faults()) {
    const bool replaced = std::ranges::any_of(
        index.superseded(),
        [&](const store::ObjectInfo& object) { return object.name.hash == fault.index; });
    report.add({FindingKind::kIndex, replaced, {}, fault.index.text(), fault.error.message});
  }
  for (std::uint32_t number = 0; number < index.pack_count(); ++number) {
    const pack::PackInfo pack = index.pack(number);
    // Whether a point needs it shows when the points are walked.
    if (sizes.of({model::ObjectKind::kPack, pack.name}) != pack.size) health.mark_pack_bad(number);
  }
}

}  // namespace

std::string_view to_string(FindingKind kind) {
  switch (kind) {
    case FindingKind::kHead:
      return "head";
    case FindingKind::kIndex:
      return "index";
    case FindingKind::kPack:
      return "pack";
    case FindingKind::kReference:
      return "reference";
    case FindingKind::kDirectory:
      return "directory";
    case FindingKind::kFile:
      return "file";
  }
  return "pack";
}

void CheckReport::add(Finding finding) {
  if (!finding.harmless) ++errors;
  if (findings.size() < kRemembered) findings.push_back(std::move(finding));
}

Result<void> check_points(vault::Vault& vault, const vault::HeadChain& chain,
                          const vault::IndexCache& index, const BlobHealth& health,
                          const vault::BlobReaderLimits& limits, CheckReport& report,
                          ReadProgress& progress, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const Sizes sizes, listed_sizes(vault.store(), stop));
  vault::BlobReader reader(vault.store(), vault.keyring(), index, limits);
  vault::ReferenceWalk references(chain);
  PointCheck walk(reader, index, health, report, progress);
  const std::vector<const vault::Point*> points = chain.kept();
  progress.total_points = points.size();
  progress.phase = CheckPhase::kPoints;
  for (const vault::Point* point : points) {
    progress.points = report.points++;
    const auto needed = references.at(*point);
    if (!needed) {
      report.add({FindingKind::kHead, false, point->id, point->id.text(), needed.error().message});
      continue;
    }
    const model::ReferenceSet now = vault.replacements().resolve(**needed, point->head.sequence);
    check_references(*point, now, sizes, report);
    const Result<model::Summary> summary = vault.summary(*point);
    if (!summary) {
      report.add({FindingKind::kHead, false, point->id, point->id.text(), summary.error().message});
      continue;
    }
    TRY(walk.point(*point, *summary, now, stop));
  }
  progress.points = report.points;
  return {};
}

Result<CheckReport> check_vault(vault::Vault& vault, const CheckOptions& options,
                                ReadProgress& progress, std::stop_token stop) {
  CheckReport report;
  ASSIGN_OR_RETURN(const vault::HeadChain chain, vault.heads(stop));
  for (const vault::ChainFault& fault : chain.faults) {
    report.add({FindingKind::kHead, false, fault.head, fault.head.text(), fault.message});
  }
  ASSIGN_OR_RETURN(
      const std::unique_ptr<vault::IndexCache> index,
      vault::IndexCache::load(vault.store(), vault.keyring(), options.cache_directory, stop));
  ASSIGN_OR_RETURN(const Sizes sizes, listed_sizes(vault.store(), stop));
  BlobHealth health(*index);
  check_index(*index, sizes, health, report);
  report.blobs = index->blob_count();
  std::vector<store::ObjectInfo> packs;
  packs.reserve(sizes.all().size());
  for (const store::ObjectInfo& object : sizes.all()) {
    if (object.name.kind != model::ObjectKind::kPack) continue;
    packs.push_back(object);
    progress.total_bytes += object.size;
    if (!index->find_pack(object.name.hash)) ++report.orphan_packs;
  }
  report.packs = packs.size();
  if (options.read_data) {
    progress.total_packs = packs.size();
    progress.phase = CheckPhase::kReading;
    PackCheck pack_check(vault, *index, health, report, progress);
    const auto read_part = [&](const std::vector<store::ObjectInfo>& part,
                               const KnownPacks& known) {
      return for_each_pack(
          part, options.workers,
          [&](const store::ObjectInfo& object) { return pack_check.read(object, known, stop); },
          stop);
    };
    TRY(for_each_part(*index, packs, kBlobsAtOnce, read_part));
    report.bytes_read = progress.bytes;
  }
  TRY(check_points(vault, chain, *index, health, options.reader, report, progress, stop));
  // Damage of our own cache must not be told as damage of the vault.
  TRY(index->intact());
  progress.phase = CheckPhase::kDone;
  return report;
}

}  // namespace obhut::maintain
