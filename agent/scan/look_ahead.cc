#include "agent/scan/look_ahead.h"

#include <algorithm>
#include <utility>

#include "agent/base/check.h"
#include "platform/local_files.h"
#include "platform/priority.h"

namespace obhut::scan {

using platform::Directory;
using platform::FileStatus;
using platform::FileType;

namespace {

// Of a piece: about 0.2 ms.
constexpr std::size_t kPieceEntries = 64;
constexpr std::size_t kPieceDirectories = 4;
// Deeper down a piece has one directory, so that the handles which a deep walk holds do not add up.
constexpr std::size_t kShallow = 16;
constexpr std::size_t kFirstEntries = 256;

/// What another run holds still in the root of a volume: not ours to read a second time.
bool is_our_own(std::string_view name, const FileStatus& status) {
  return name == platform::kSnapshotFolder && status.uid == 0;
}

}  // namespace

WalkNote note_for(const Directory& directory, const FileStatus& status, const WalkPlace& above,
                  const WalkOptions& options) {
  if (above.rules.one_file_system && status.device != above.source_device) {
    return WalkNote::kOtherFileSystem;
  }
  if (options.skip_pseudo_file_systems && status.device != above.device) {
    const Result<platform::FileSystemKind> kind = directory.file_system_kind();
    if (kind && *kind == platform::FileSystemKind::kPseudo) return WalkNote::kPseudoFileSystem;
  }
  if (above.rules.skip_caches && directory.is_cache()) return WalkNote::kCache;
  return WalkNote::kNone;
}

Result<OpenedDirectory> open_directory(const Directory& in, std::string_view name,
                                       const WalkPlace& above, const WalkOptions& options) {
  ASSIGN_OR_RETURN(Directory folder, in.open_child(name));
  ASSIGN_OR_RETURN(const FileStatus status, folder.status());
  const WalkNote note =
      is_our_own(name, status) ? WalkNote::kSnapshots : note_for(folder, status, above, options);
  return OpenedDirectory{std::move(folder), status, note, std::nullopt, {}};
}

void drop_unwanted(NameList& names, const std::string& path, const EntryFilter* filter,
                   const std::function<bool(std::string_view)>& is_kept) {
  if (filter == nullptr) return;
  std::string entry = path;
  if (!entry.ends_with('/')) entry += '/';
  const std::size_t length = entry.size();
  names.keep([&](std::string_view name, FileType type) {
    if (type == FileType::kUnknown || (is_kept && is_kept(name))) return true;
    entry.resize(length);
    entry += name;
    return filter->wants(entry, type == FileType::kDirectory);
  });
}

/// A directory that the walk is in.
struct LookAhead::Level {
  // Weak: how many directories are open is the walk's to say.
  std::weak_ptr<const Directory> folder;
  std::string path;
  WalkPlace place;
  SharedNames names;
  std::vector<std::size_t> alone;
  std::size_t first = 0;
  std::size_t next = 0;      // all names before it are taken, or nobody's to take
  std::deque<Piece> pieces;  // taken by either thread, and not handed to the walk yet
  Amount ready;              // of them
  std::size_t piece_directories = kPieceDirectories;
  bool left = false;

  /// Whether anything is left to take.
  bool has_work() {
    while (next < names->size() && !is_open(next)) ++next;
    return next < names->size();
  }

  /// Marks the next piece as taken.
  std::optional<Piece> claim() {
    if (!has_work()) return std::nullopt;
    Piece piece;
    piece.begin = next;
    std::size_t entries = 0;
    std::size_t directories = 0;
    while (next < names->size() && entries < kPieceEntries && directories < piece_directories) {
      if (is_open(next)) ++(names->type(next) == FileType::kDirectory ? directories : entries);
      ++next;
    }
    piece.end = next;
    return piece;
  }

  [[nodiscard]] bool is_open(std::size_t index) const {
    if (index < first && names->type(index) != FileType::kDirectory) return false;
    return alone.empty() || !std::ranges::binary_search(alone, index);
  }
};

std::optional<Result<OpenedDirectory>> LookAhead::Piece::directory(std::size_t index) {
  for (auto& [at, opened] : directories) {
    if (at == index) return std::move(opened);
  }
  return std::nullopt;
}

LookAhead::Amount LookAhead::Piece::amount() const {
  Amount amount{statuses.found.size(), directories.size()};
  for (const auto& [index, opened] : directories) {
    if (opened && opened->listing) amount.entries += opened->listing->names->size();
  }
  return amount;
}

LookAhead::LookAhead(const WalkOptions& options)
    : options_(options),
      thread_(platform::giving_way_too([this](const std::stop_token& stop) { run(stop); })) {}

LookAhead::~LookAhead() = default;

void LookAhead::enter(const SharedDirectory& folder, std::string path, const WalkPlace& place,
                      SharedNames names, std::vector<std::size_t> alone, std::size_t first) {
  auto level = std::make_shared<Level>();
  level->folder = folder;
  level->path = std::move(path);
  level->place = place;
  level->names = std::move(names);
  level->alone = std::move(alone);
  level->first = first;
  std::unique_lock lock(mutex_);
  // The walk itself takes the first piece; to be woken for less than another one costs more.
  const bool wake =
      idle_ && level->has_work() && level->names->size() - level->next > kPieceDirectories;
  if (wake) idle_ = false;
  if (levels_.size() > kShallow) level->piece_directories = 1;
  levels_.push_back(std::move(level));
  lock.unlock();
  if (wake) work_.notify_one();
}

void LookAhead::leave() {
  const std::scoped_lock lock(mutex_);
  const LevelPtr level = std::move(levels_.back());
  levels_.pop_back();
  level->left = true;
  ready_ -= level->ready;
}

LookAhead::Piece LookAhead::take(std::size_t index, const Directory& folder) {
  std::unique_lock lock(mutex_);
  const LevelPtr level = levels_.back();
  if (level->pieces.empty()) {
    Piece own = *level->claim();
    lock.unlock();
    CHECK(own.begin == index);
    look_at(*level, folder, own);
    return own;
  }
  const Piece& front = level->pieces.front();
  CHECK(front.begin == index);
  while (!front.ready) {
    if (const std::optional<Work> work = next_work()) {
      look(lock, *work);
      continue;
    }
    waits_ = true;
    done_.wait(lock);
  }
  Piece taken = std::move(level->pieces.front());
  level->pieces.pop_front();
  ready_ -= taken.amount();
  level->ready -= taken.amount();
  const bool wake = idle_ && !ready_.reaches(kLimit) && !level->ready.reaches(kLevelLimit.half());
  if (wake) idle_ = false;
  lock.unlock();
  if (wake) work_.notify_one();
  return taken;
}

void LookAhead::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (const std::optional<Work> work = next_work()) {
      look(lock, *work);
      continue;
    }
    idle_ = true;
    work_.wait(lock, stop, [this] { return !idle_; });
  }
}

/// What the walk comes to first, of all that nobody has taken.
std::optional<LookAhead::Work> LookAhead::next_work() {
  if (ready_.reaches(kLimit)) return std::nullopt;
  for (auto level = levels_.rbegin(); level != levels_.rend(); ++level) {
    if ((*level)->ready.reaches(kLevelLimit)) continue;
    SharedDirectory folder = (*level)->folder.lock();
    if (!folder) continue;
    if (std::optional<Piece> piece = (*level)->claim()) {
      (*level)->pieces.push_back(std::move(*piece));
      return Work{*level, std::move(folder), &(*level)->pieces.back()};
    }
  }
  return std::nullopt;
}

void LookAhead::look(std::unique_lock<std::mutex>& lock, const Work& work) {
  Piece piece;
  piece.begin = work.piece->begin;
  piece.end = work.piece->end;
  lock.unlock();
  look_at(*work.level, *work.folder, piece);
  lock.lock();
  if (work.level->left) return;
  piece.ready = true;
  *work.piece = std::move(piece);
  ready_ += work.piece->amount();
  work.level->ready += work.piece->amount();
  if (std::exchange(waits_, false)) done_.notify_one();
}

void LookAhead::look_at(const Level& level, const Directory& folder, Piece& piece) const {
  const NameList& names = *level.names;
  piece.statuses.first = piece.begin;
  piece.statuses.found.resize(piece.end - piece.begin);
  for (std::size_t index = piece.begin; index < piece.end; ++index) {
    if (!level.is_open(index)) continue;
    if (names.type(index) == FileType::kDirectory) {
      piece.directories.emplace_back(index, open_and_list(level, folder, names.name(index)));
    } else {
      piece.statuses.found[index - piece.begin] = folder.status_of(names.name(index));
    }
  }
}

Result<OpenedDirectory> LookAhead::open_and_list(const Level& level, const Directory& folder,
                                                 std::string_view name) const {
  ASSIGN_OR_RETURN(OpenedDirectory opened, open_directory(folder, name, level.place, options_));
  // Elsewhere the walk may read something in its place.
  if (opened.note != WalkNote::kNone || opened.status.device != level.place.device) return opened;
  auto names = std::make_shared<NameList>();
  const Result<void> listed = opened.folder.list([&](std::string_view entry, FileType type) {
    names->add(entry, type);
    return true;
  });
  names->sort();
  drop_unwanted(*names, platform::join(level.path, name), options_.filter);
  opened.statuses.found.resize(std::min(names->size(), kFirstEntries));
  for (std::size_t index = 0; index < opened.statuses.found.size(); ++index) {
    if (names->type(index) == FileType::kDirectory) continue;
    opened.statuses.found[index] = opened.folder.status_of(names->name(index));
  }
  opened.listing.emplace(std::move(names),
                         listed ? std::nullopt : std::optional<Error>(listed.error()));
  return opened;
}

}  // namespace obhut::scan
