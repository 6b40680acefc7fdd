#include "agent/pipeline/source_walk.h"

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

// The inode's change time covers attributes and link target too.
bool same_inode_state(const platform::FileStatus& status, const model::Entry& before) {
  return status.inode == before.inode && scan::file_time_of(status.ctime_ns) == before.changed;
}

}  // namespace

struct SourceWalk::Level {
  std::optional<PreviousDirectory> before;
  bool incomplete = false;
};

SourceWalk::SourceWalk(scan::Walker walker, EarlierRun earlier, vault::BlobReader& reader,
                       UsedPacks& used, Segmenter segmenter, platform::AccountNames& accounts,
                       Incidents& incidents, ProgressBoard& progress)
    : walker_(std::move(walker)),
      earlier_(std::move(earlier)),
      reader_(reader),
      proof_(used, reader),
      segmenter_(std::move(segmenter)),
      accounts_(accounts),
      incidents_(incidents),
      progress_(progress) {}

SourceWalk::~SourceWalk() = default;

Result<WalkCounts> SourceWalk::run(BoundedQueue<TreeEvent>& events, BoundedQueue<ReadJob>& jobs,
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
                      Error{ErrorKind::kUnsupported, step.note == scan::WalkNote::kSocket
                                                         ? "a socket has no content"
                                                         : "an entry of unknown type"}});
      return {};
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
  if (events_->push(std::move(event), stop_)) return {};
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
    if (match && match->entry->type == model::EntryType::kDirectory) {
      event.before = std::make_unique<model::Entry>(*match->entry);
      event.same_as = match->part;
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
  levels_.pop_back();
  return send(std::move(event));
}

// ---- entries

Result<void> SourceWalk::take_entry(const scan::WalkEvent& step) {
  ASSIGN_OR_RETURN(const auto match, find_before(step.name, step.path));
  const PreviousDirectory::Match* before = match ? &*match : nullptr;
  if (step.status.type == platform::FileType::kRegular) return take_file(step, before);
  return take_other(step, before);
}

// True where the content of an earlier run is this file's still, and all of it is in the vault.
Result<bool> SourceWalk::keep_content(const scan::WalkEvent& step, const model::Entry& earlier,
                                      Instant earlier_start, TreeEvent& event) {
  if (!scan::ChangeDetector(earlier_start).is_unchanged(step.status, earlier)) return false;
  ASSIGN_OR_RETURN(const bool whole, proof_.holds(earlier.content, stop_));
  if (!whole) return false;
  event.entry = entry_from(step.name, step.status, accounts_);
  event.entry.content = earlier.content;
  event.entry.xattrs = earlier.xattrs;
  event.entry.inode_flags = earlier.inode_flags;
  event.entry.extensions = earlier.extensions;
  return true;
}

Result<void> SourceWalk::take_file(const scan::WalkEvent& step,
                                   const PreviousDirectory::Match* match) {
  TreeEvent event;
  if (match != nullptr) {
    ASSIGN_OR_RETURN(const bool kept, keep_content(step, *match->entry, earlier_.started, event));
    if (kept) {
      ++counts_.unchanged_files;
      if (event.entry.marks == match->entry->marks && same_metadata(event.entry, *match->entry)) {
        event.same_as = match->part;
      }
      return send(std::move(event));
    }
  }
  const bool existed = match != nullptr && match->entry->type == model::EntryType::kFile;
  ++(existed ? counts_.changed_files : counts_.new_files);
  if (earlier_.checkpoint) {
    if (const model::Entry* read = earlier_.checkpoint->find(step.path)) {
      ASSIGN_OR_RETURN(const bool kept,
                       keep_content(step, *read, earlier_.checkpoint->started(), event));
      // Through the builder's hands as work that is done: it goes into the next checkpoint too.
      if (kept) {
        event.name = event.entry.name;
        event.work = std::make_shared<FileWork>();
        event.work->entry = std::move(event.entry);
        event.work->done = true;
        return send(std::move(event));
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
      event.work = found->second.work;
      if (--found->second.names_left == 0) linked_.erase(found);
      return send(std::move(event));
    }
  }
  event.work = std::make_shared<FileWork>();
  event.work->entry = std::move(entry);
  event.work->folder = step.folder;
  if (has_names) {
    linked_.emplace(step.status.identity(), LinkedFile{event.work, step.status.links - 1});
  }
  const FileWorkPtr work = event.work;
  TRY(send(std::move(event)));
  if (!is_large(step.status)) return hand_out(segmenter_.add(work));
  return hand_out(ReadJob{{work}, true});
}

Result<void> SourceWalk::take_other(const scan::WalkEvent& step,
                                    const PreviousDirectory::Match* match) {
  TreeEvent event;
  event.entry = entry_from(step.name, step.status, accounts_);
  if (match != nullptr && same_metadata(event.entry, *match->entry) && match->entry->marks == 0 &&
      scan::ChangeDetector(earlier_.started).is_unchanged(step.status, *match->entry)) {
    event.entry = *match->entry;
    event.same_as = match->part;
    return send(std::move(event));
  }
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
  return send(std::move(event));
}

}  // namespace obhut::pipeline
