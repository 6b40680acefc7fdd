#include "agent/pipeline/source_walk.h"

#include <utility>

#include "agent/base/check.h"
#include "agent/pipeline/entry_from_status.h"
#include "agent/scan/change_detector.h"

namespace obhut::pipeline {
namespace {

constexpr std::uint64_t kLeastSparse = 64U << 10U;

bool is_large(const platform::FileStatus& status) {
  if (status.size > kSmallFile) return true;
  // Segments know no holes.
  return status.size >= kLeastSparse && status.blocks * 512 + kLeastSparse < status.size;
}

std::string_view why_ignored(scan::WalkNote note) {
  if (note == scan::WalkNote::kSocket) return "a socket has no content";
  if (note == scan::WalkNote::kSnapshots) return "snapshots of this backup's own";
  return "an entry of unknown type";
}

// The inode's change time covers attributes and link target too.
bool same_inode_state(const platform::FileStatus& status, const model::Entry& before) {
  return status.inode == before.inode && scan::file_time_of(status.ctime_ns) == before.changed;
}

}  // namespace

struct SourceWalk::Level {
  std::optional<PreviousDirectory> before;
  bool incomplete = false;
  // While all that was sent of the directory are whole parts of the point before, entries that are
  // as they were are held back: with the last one of their part, the part says it all.
  bool whole_parts_only = true;
  StoredPartPtr held_part;
  std::size_t held = 0;  // its first entries
  model::Totals held_totals;

  [[nodiscard]] bool holds_whole_part() const {
    return held > 0 && held == held_part->origin->entries;
  }
};

SourceWalk::SourceWalk(scan::Walker walker, EarlierRun earlier, vault::BlobReader& reader,
                       UsedPacks& used, Segmenter segmenter, platform::AccountNames& accounts,
                       const ChangeHints& hints, Incidents& incidents, ProgressBoard& progress)
    : walker_(std::move(walker)),
      earlier_(std::move(earlier)),
      reader_(reader),
      proof_(used, reader),
      segmenter_(std::move(segmenter)),
      accounts_(accounts),
      hints_(hints),
      incidents_(incidents),
      progress_(progress) {}

SourceWalk::~SourceWalk() = default;

Result<WalkCounts> SourceWalk::run(BoundedQueue<TreeEvents>& events, WorkQueue& jobs,
                                   const PauseGate* pause, const std::stop_token& stop) {
  events_ = &events;
  jobs_ = &jobs;
  stop_ = stop;
  while (const std::optional<scan::WalkEvent> step = walker_.next()) {
    if (pause != nullptr) pause->wait(stop_);
    if (stop_.stop_requested()) return fail(ErrorKind::kCancelled, "walk the sources");
    TRY(take(*step));
    TRY(hand_out(segmenter_.step()));
  }
  TRY(hand_out(segmenter_.rest()));
  TRY(send_batch());
  publish_found();
  progress_.walked = true;
  return counts_;
}

Result<void> SourceWalk::take(const scan::WalkEvent& step) {
  switch (step.kind) {
    case scan::WalkKind::kEnterDirectory:
      return enter(step);
    case scan::WalkKind::kLeaveDirectory:
      return leave();
    case scan::WalkKind::kEntry:
      return take_entry(step);
    case scan::WalkKind::kSkipped:
      incidents_.add({IncidentKind::kIgnored, std::string(step.path),
                      Error{ErrorKind::kUnsupported, std::string(why_ignored(step.note))}});
      return {};
    case scan::WalkKind::kStopped:
      return std::unexpected(step.error);
    case scan::WalkKind::kError:
      skip(step.path, step.error);
      return {};
  }
  return {};
}

void SourceWalk::skip(std::string_view path, Error error) {
  if (!levels_.empty()) levels_.back().incomplete = true;
  ++progress_.skipped;
  incidents_.add({IncidentKind::kSkipped, std::string(path), std::move(error)});
}

Result<void> SourceWalk::send(TreeEvent event) {
  batch_.push_back(std::move(event));
  return batch_.size() < kEventBatch ? Result<void>{} : send_batch();
}

Result<void> SourceWalk::send_entry(TreeEvent event) {
  TRY(release_held());
  return send(std::move(event));
}

Result<void> SourceWalk::send_batch() {
  TreeEvents batch;
  batch.reserve(kEventBatch);
  batch.swap(batch_);
  if (events_->push(std::move(batch), stop_)) return {};
  return fail(ErrorKind::kCancelled, "walk the sources");
}

Result<void> SourceWalk::hand_out(std::optional<ReadJob> job) {
  if (!job || jobs_->push(std::move(*job), stop_)) return {};
  return fail(ErrorKind::kCancelled, "walk the sources");
}

// A damaged node of the point before costs time, not content: its entries are read again. Only a
// store that is out of reach ends the walk.
Result<std::optional<PreviousDirectory::Match>> SourceWalk::find_before(std::string_view name,
                                                                        std::string_view path) {
  if (levels_.empty() || !levels_.back().before) return std::nullopt;
  auto match = levels_.back().before->find(name, stop_);
  if (match || disposition_of(match.error().kind) != Disposition::kStopJob) return match;
  levels_.back().before.reset();
  incidents_.add({IncidentKind::kIgnored, std::string(path),
                  std::move(match).error().within("the point before is damaged here; read anew")});
  return std::nullopt;
}

// ---- directories

Result<void> SourceWalk::enter(const scan::WalkEvent& step) {
  TreeEvent event;
  event.kind = TreeEvent::Kind::kEnter;
  event.entry = entry_from(step.name, step.status, accounts_);
  Level level;
  if (levels_.empty()) {
    if (!earlier_.root.empty()) level.before.emplace(reader_, earlier_.root);
  } else {
    ASSIGN_OR_RETURN(const auto match, find_before(step.name, step.path));
    TRY(release_held());
    if (match && match->entry->type == model::EntryType::kDirectory) {
      event.before = std::make_unique<model::Entry>(*match->entry);
      event.same_as = match->part->origin;
      level.before.emplace(reader_, event.before->children);
    }
  }
  if (step.ancestor_only) event.entry.marks |= model::kAncestorOnly;
  if (step.note == scan::WalkNote::kOtherFileSystem ||
      step.note == scan::WalkNote::kPseudoFileSystem) {
    event.entry.marks |= model::kMountPoint;
  }
  if (event.before && same_inode_state(step.status, *event.before)) {
    event.entry.xattrs = event.before->xattrs;
    event.entry.inode_flags = event.before->inode_flags;
  } else if (step.folder) {
    if (auto xattrs = step.folder->xattrs()) {
      event.entry.xattrs = model_xattrs(std::move(*xattrs));
    } else {
      level.incomplete = true;
      incidents_.add({IncidentKind::kChanged, std::string(step.path),
                      std::move(xattrs).error().within("extended attributes are missing")});
    }
    event.entry.inode_flags = step.folder->flags();
  }
  levels_.push_back(std::move(level));
  return send(std::move(event));
}

Result<void> SourceWalk::leave() {
  TreeEvent event;
  event.kind = TreeEvent::Kind::kLeave;
  event.incomplete = levels_.back().incomplete;
  TRY(levels_.back().holds_whole_part() ? send_held() : release_held());
  levels_.pop_back();
  return send(std::move(event));
}

// ---- entries

// Told now and then: a store that others read costs more than an addition of our own.
void SourceWalk::find(const scan::WalkEvent& step) {
  constexpr std::uint64_t kTold = 64;
  progress_.path.tell(step.path);
  if (step.status.type == platform::FileType::kRegular) found_.bytes += step.status.size;
  if (++found_.files % kTold == 0) publish_found();
}

void SourceWalk::keep(const scan::WalkEvent& step) {
  ++kept_.files;
  if (step.status.type == platform::FileType::kRegular) kept_.bytes += step.status.size;
}

void SourceWalk::publish_found() {
  progress_.found_files.store(found_.files, std::memory_order_relaxed);
  progress_.found_bytes.store(found_.bytes, std::memory_order_relaxed);
  progress_.kept_files.store(kept_.files, std::memory_order_relaxed);
  progress_.kept_bytes.store(kept_.bytes, std::memory_order_relaxed);
}

Result<void> SourceWalk::take_entry(const scan::WalkEvent& step) {
  find(step);
  ASSIGN_OR_RETURN(const auto match, find_before(step.name, step.path));
  const PreviousDirectory::Match* before = match ? &*match : nullptr;
  if (step.status.type == platform::FileType::kRegular) return take_file(step, before);
  return take_other(step, before);
}

// True where an unchanged file's content is in the vault still, all of it.
Result<bool> SourceWalk::keeps_content(bool unchanged, const model::Entry& earlier) {
  if (!unchanged) return false;
  return proof_.holds(earlier.content, stop_);
}

// Since the point before.
bool SourceWalk::is_unchanged(const platform::FileStatus& status,
                              const model::Entry& before) const {
  return scan::ChangeDetector(earlier_.started).is_unchanged(status, before) &&
         !hints_.written(status.identity());
}

model::Entry SourceWalk::kept_entry(const scan::WalkEvent& step, const model::Entry& earlier) {
  model::Entry entry = entry_from(step.name, step.status, accounts_);
  entry.content = earlier.content;
  entry.xattrs = earlier.xattrs;
  entry.inode_flags = earlier.inode_flags;
  entry.extensions = earlier.extensions;
  return entry;
}

// ---- entries that are as they were

Result<void> SourceWalk::send_unchanged(const PreviousDirectory::Match& match) {
  if (!hold(match)) {
    TreeEvent event;
    event.entry = *match.entry;
    event.same_as = match.part->origin;
    return send_entry(std::move(event));
  }
  // The last part of a directory ends where the directory did: what comes after it belongs into it.
  const Level& level = levels_.back();
  const bool goes = level.holds_whole_part() && !level.held_part->last;
  return goes ? send_held() : Result<void>{};
}

// False where an entry before it in its part is not as it was.
bool SourceWalk::hold(const PreviousDirectory::Match& match) {
  Level& level = levels_.back();
  if (!level.whole_parts_only || match.index != level.held) return false;
  if (level.held > 0 && match.part != level.held_part) return false;
  level.held_part = match.part;
  ++level.held;
  ++level.held_totals.files;
  if (match.entry->type == model::EntryType::kFile) level.held_totals.bytes += match.entry->size;
  return true;
}

// In: a part of which each entry is held.
Result<void> SourceWalk::send_held() {
  Level& level = levels_.back();
  // The part itself may be gone from the vault: then it is stored again, from its entries.
  if (!proof_.holds(level.held_part->origin->ref)) return release_held();
  TreeEvent event;
  event.kind = TreeEvent::Kind::kPart;
  event.same_as = level.held_part->origin;
  event.totals = std::exchange(level.held_totals, {});
  level.held = 0;
  level.held_part.reset();
  return send(std::move(event));
}

// Whole parts alone do not make this directory any more: what is held goes out one by one.
Result<void> SourceWalk::release_held() {
  if (levels_.empty()) return {};
  Level& level = levels_.back();
  level.whole_parts_only = false;
  const StoredPartPtr part = std::move(level.held_part);
  if (!part) return {};
  ASSIGN_OR_RETURN(model::NodeReader entries, model::NodeReader::open(part->bytes, part->after));
  for (std::size_t left = std::exchange(level.held, 0); left > 0; --left) {
    TreeEvent event;
    ASSIGN_OR_RETURN(const bool more, entries.next(event.entry));
    CHECK(more);  // it was read before
    event.same_as = part->origin;
    TRY(send(std::move(event)));
  }
  return {};
}

// ---- files

Result<void> SourceWalk::take_file(const scan::WalkEvent& step,
                                   const PreviousDirectory::Match* match) {
  TreeEvent event;
  bool moves = false;
  if (match != nullptr) {
    const model::Entry& before = *match->entry;
    const bool unchanged = is_unchanged(step.status, before);
    ASSIGN_OR_RETURN(const bool kept, keeps_content(unchanged, before));
    // Read again although it did not change.
    moves = unchanged && !kept && proof_.leaves();
    if (kept) {
      ++counts_.unchanged_files;
      keep(step);
      if (before.marks == 0 && same_metadata(step.status, before, accounts_)) {
        return send_unchanged(*match);
      }
      event.entry = kept_entry(step, before);
      return send_entry(std::move(event));
    }
  }
  const bool existed = match != nullptr && match->entry->type == model::EntryType::kFile;
  if (moves) {
    ++counts_.unchanged_files;
  } else {
    ++(existed ? counts_.changed_files : counts_.new_files);
  }
  if (earlier_.checkpoint) {
    if (const model::Entry* read = earlier_.checkpoint->find(step.path)) {
      // Hints are of the time since the point: what they name is what that run read.
      const scan::ChangeDetector detector(earlier_.checkpoint->started());
      ASSIGN_OR_RETURN(const bool kept,
                       keeps_content(detector.is_unchanged(step.status, *read), *read));
      // Through the builder's hands as work that is done: it goes into the next checkpoint too.
      if (kept) {
        keep(step);
        event.work = std::make_shared<FileWork>();
        event.work->entry = kept_entry(step, *read);
        event.work->done = true;
        event.name = event.work->entry.name;
        return send_entry(std::move(event));
      }
    }
  }
  return read_file(step, entry_from(step.name, step.status, accounts_));
}

Result<void> SourceWalk::read_file(const scan::WalkEvent& step, model::Entry entry) {
  TreeEvent event;
  event.name = entry.name;
  const bool has_names = step.status.links > 1;
  if (has_names) {
    const auto found = linked_.find(step.status.identity());
    if (found != linked_.end()) {
      keep(step);
      event.work = found->second.work;
      if (--found->second.names_left == 0) linked_.erase(found);
      return send_entry(std::move(event));
    }
  }
  event.work = std::make_shared<FileWork>();
  event.work->entry = std::move(entry);
  event.work->folder = step.folder;
  if (has_names) {
    linked_.emplace(step.status.identity(), LinkedFile{event.work, step.status.links - 1});
  }
  const FileWorkPtr work = event.work;
  TRY(send_entry(std::move(event)));
  if (!is_large(step.status)) return hand_out(segmenter_.add(work));
  return hand_out(ReadJob{{work}, true});
}

Result<void> SourceWalk::take_other(const scan::WalkEvent& step,
                                    const PreviousDirectory::Match* match) {
  keep(step);
  if (match != nullptr && match->entry->marks == 0 && is_unchanged(step.status, *match->entry) &&
      same_metadata(step.status, *match->entry, accounts_)) {
    return send_unchanged(*match);
  }
  TreeEvent event;
  event.entry = entry_from(step.name, step.status, accounts_);
  if (event.entry.type == model::EntryType::kSymlink) {
    auto target = step.folder->read_link(step.name);
    if (!target) {
      skip(step.path, std::move(target).error());
      return {};
    }
    event.entry.symlink_target = std::move(*target);
  }
  if (auto xattrs = step.folder->xattrs_of(step.name)) {
    event.entry.xattrs = model_xattrs(std::move(*xattrs));
  } else {
    incidents_.add({IncidentKind::kChanged, std::string(step.path),
                    std::move(xattrs).error().within("extended attributes are missing")});
  }
  return send_entry(std::move(event));
}

}  // namespace obhut::pipeline
