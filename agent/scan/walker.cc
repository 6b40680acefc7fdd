#include "agent/scan/walker.h"

#include <algorithm>

#include "agent/base/text.h"
#include "agent/scan/walk_state.h"
#include "platform/local_files.h"

namespace obhut::scan {

using platform::Directory;
using platform::FileStatus;
using platform::FileType;

namespace {

using Level = WalkLevel;

const SourceNode* source_below(const Level& level, std::string_view name) {
  return level.sources == nullptr ? nullptr : level.sources->child(name);
}

/// Where what lies at `path` is read. In: `path` is the view's own, or lies below it.
std::string place_in_view(const Level& level, std::string_view path) {
  std::string_view rest = path.substr(level.view_length);
  if (rest.starts_with('/')) rest.remove_prefix(1);
  return rest.empty() ? level.view->folder : platform::join(level.view->folder, rest);
}

/// The first source at or below `node`, which stands for `path`.
std::string first_source(const SourceNode* node, std::string path) {
  while (!node->is_source) {
    const auto& [name, below] = *node->below.begin();
    path += '/' + name;
    node = below.get();
  }
  return path;
}

}  // namespace

Walker::Walker(std::unique_ptr<State> state) : state_(std::move(state)) {}
Walker::Walker(Walker&&) noexcept = default;
Walker& Walker::operator=(Walker&&) noexcept = default;
Walker::~Walker() = default;

Result<Walker> Walker::create(const std::vector<std::string>& sources, WalkOptions options) {
  auto state = std::make_unique<State>();
  ASSIGN_OR_RETURN(state->sources, source_tree(sources));
  options.open_directories = std::max<std::size_t>(options.open_directories, 2);
  state->options = options;
  if (options.look_ahead) state->look_ahead = std::make_unique<LookAhead>(state->options);
  return Walker(std::move(state));
}

std::optional<WalkEvent> Walker::next() {
  return state_->next();
}

// Events about what `path` names

WalkEvent Walker::State::event(WalkKind kind) const {
  WalkEvent made;
  made.kind = kind;
  made.path = path;
  made.name = made.path.substr(made.path.rfind('/') + 1);
  return made;
}

WalkEvent Walker::State::directory_event(WalkKind kind, const Level& level) const {
  WalkEvent made = event(kind);
  made.note = level.note;
  made.ancestor_only = level.ancestor_only;
  made.status = level.status;
  made.folder = level.folder;
  return made;
}

WalkEvent Walker::State::error(Error failure) const {
  WalkEvent made = event(WalkKind::kError);
  made.error = std::move(failure);
  return made;
}

WalkEvent Walker::State::stopped(Error failure) const {
  WalkEvent made = event(WalkKind::kStopped);
  made.error = std::move(failure).within(platform::shown(path));
  return made;
}

/// A failure at or on the way to a source names that source: it is what the plan asks for.
WalkEvent Walker::State::source_error(Error failure, const SourceNode* node) const {
  if (node == nullptr) return error(std::move(failure));
  return error(std::move(failure).within("source " + platform::shown(first_source(node, path))));
}

// The walk

std::optional<WalkEvent> Walker::State::next() {
  if (pending) return error(*std::exchange(pending, std::nullopt));
  if (!started) {
    started = true;
    return start();
  }
  while (!levels.empty()) {
    Level& level = levels.back();
    path.resize(level.path_length);
    if (!level.folder && !level.lost) {
      if (auto failed = reopen(level)) return failed;
    }
    if (!level.listed) {
      level.listed = true;
      if (auto failed = list(level)) return failed;
    }
    if (level.next == level.names->size()) return leave();
    const std::size_t index = level.next++;
    if (!path.ends_with('/')) path += '/';
    path += level.names->name(index);
    if (auto made = visit(index)) return made;
  }
  return std::nullopt;
}

WalkEvent Walker::State::start() {
  path = "/";
  Result<Directory> root = Directory::open(path);
  if (!root) return error(std::move(root).error());
  const Result<FileStatus> status = root->status();
  if (!status) return error(status.error());
  if (options.views != nullptr && sources->is_source) {
    return visit_border_directory(std::move(*root), *status, sources.get());
  }
  const Extent extent = sources->is_source ? Extent::kWhole : Extent::kSourcesOnly;
  return enter(std::move(*root), level_for(*status, sources.get(), extent));
}

/// Reads the names of a directory just entered; an event where that fails. What was read before
/// the failure is walked all the same.
std::optional<WalkEvent> Walker::State::list(Level& level) {
  std::optional<WalkEvent> failed;
  if (level.names) {
    if (level.listing_failure) failed = error(*std::exchange(level.listing_failure, std::nullopt));
    look_ahead_in(level);
    return failed;
  }
  NameList names;
  if (level.sources != nullptr) {
    for (const auto& [name, node] : level.sources->below) names.add(name, FileType::kUnknown);
  }
  if (level.note == WalkNote::kCache) names.add("CACHEDIR.TAG", FileType::kRegular);
  if (level.extent == Extent::kWhole) {
    const Result<void> listed = level.folder->list([&](std::string_view name, FileType type) {
      names.add(name, type);
      return true;
    });
    if (!listed) failed = error(listed.error());
  }
  names.sort();
  drop_unwanted(names, path, options.filter,
                [&](std::string_view name) { return source_below(level, name) != nullptr; });
  level.names = std::make_shared<const NameList>(std::move(names));
  look_ahead_in(level);
  return failed;
}

/// In: a directory of which the names are known.
void Walker::State::look_ahead_in(Level& level) {
  if (level.view != nullptr) level.mounts = &options.views->mounts_in(path);
  if (!look_ahead || level.extent != Extent::kWhole) return;
  std::vector<std::size_t> alone;
  if (level.sources != nullptr || (level.mounts != nullptr && !level.mounts->empty())) {
    for (std::size_t index = 0; index < level.names->size(); ++index) {
      const std::string_view name = level.names->name(index);
      if (source_below(level, name) != nullptr || is_border(name, false)) alone.push_back(index);
    }
  }
  level.looks_ahead = true;
  look_ahead->enter(level.folder, path, level.place(), level.names, std::move(alone),
                    level.statuses.found.size());
}

WalkEvent Walker::State::leave() {
  const WalkEvent made = directory_event(WalkKind::kLeaveDirectory, levels.back());
  last_left = made.folder;
  last_left_view = levels.back().view;
  if (levels.back().looks_ahead) look_ahead->leave();
  levels.pop_back();
  return made;
}

/// An event where that fails: the rest of the directory is lost to this walk, which must not
/// happen in silence.
std::optional<WalkEvent> Walker::State::reopen(Level& level) {
  Result<Directory> again = open_again(level);
  if (again) {
    level.folder = std::make_shared<const Directory>(std::move(*again));
    return std::nullopt;
  }
  level.lost = true;
  if (!level.listed) level.names = std::make_shared<const NameList>();
  const bool all_done = level.listed && level.next == level.names->size();
  level.listed = true;
  level.next = level.names->size();
  if (all_done) return std::nullopt;
  return error(std::move(again).error().within("go on with " + platform::shown(path)));
}

Result<Directory> Walker::State::open_again(const Level& level) const {
  // From a border the way up may lead out of the snapshot, to what passes for the same directory.
  if (last_left && !level.ancestor_only && last_left_view == level.view) {
    Result<Directory> parent = last_left->open_parent(level.status.identity());
    if (parent) return parent;
  }
  // Moved while we were below, or reached through a symbolic link: its path may lead there still.
  ASSIGN_OR_RETURN(Directory directory,
                   level.view == nullptr
                       ? Directory::open(path)
                       : Directory::open_as(place_in_view(level, path), path, level.view->devices));
  ASSIGN_OR_RETURN(const FileStatus status, directory.status());
  if (status.identity() == level.status.identity()) return directory;
  return fail(ErrorKind::kSourceGone, "the directory was moved while it was read");
}

/// Nothing where the entry is left out.
std::optional<WalkEvent> Walker::State::visit(std::size_t index) {
  Level& level = levels.back();
  const std::string_view name = level.names->name(index);
  FileType type = level.names->type(index);
  const SourceNode* node = source_below(level, name);
  const bool is_source = node != nullptr && node->is_source;
  if (node != nullptr && !is_source && level.extent == Extent::kSourcesOnly) {
    return visit_way_to(*node);
  }
  if (is_border(name, is_source)) return visit_border(name, node);
  Result<FileStatus>* ahead = level.statuses.at(index);
  if (level.looks_ahead && node == nullptr && ahead == nullptr) {
    if (!level.piece.has(index)) level.piece = look_ahead->take(index, *level.folder);
    ahead = level.piece.statuses.at(index);
  }
  std::optional<FileStatus> status;
  const auto look = [&]() -> Result<void> {
    ASSIGN_OR_RETURN(status, ahead ? std::move(*ahead) : level.folder->status_of(name));
    return {};
  };
  if (type == FileType::kUnknown) {
    if (Result<void> found = look(); !found) return source_error(std::move(found).error(), node);
    type = status->type;
    if (!is_source && !is_wanted(type == FileType::kDirectory)) {
      if (node == nullptr) return std::nullopt;
      return visit_way_to(*node);
    }
  }
  if (type == FileType::kDirectory) {
    return visit_directory(name, node, level.piece.directory(index));
  }
  if (!status && type != FileType::kSocket) {
    if (Result<void> found = look(); !found) return source_error(std::move(found).error(), node);
    // A file system that told a wrong type, or a change since.
    if (status->type == FileType::kDirectory) return visit_directory(name, node, std::nullopt);
  }
  FileStatus socket;
  socket.type = type;
  return visit_entry(name, status.value_or(socket), node, level.folder);
}

WalkEvent Walker::State::visit_entry(std::string_view name, const FileStatus& status,
                                     const SourceNode* node, const SharedDirectory& folder) {
  if (node != nullptr && !node->below.empty()) {
    const std::string lost =
        first_source(node->below.begin()->second.get(), path + '/' + node->below.begin()->first);
    pending = Error{ErrorKind::kSourceGone,
                    "source " + printable(lost) + ": " + printable(name) +
                        " on its way is no directory; name the source by its real path"};
  }
  const bool is_known = status.type != FileType::kUnknown;
  if (!is_known || status.type == FileType::kSocket) {
    WalkEvent skipped = event(WalkKind::kSkipped);
    skipped.note = is_known ? WalkNote::kSocket : WalkNote::kUnknownType;
    return skipped;
  }
  WalkEvent made = event(WalkKind::kEntry);
  made.status = status;
  made.folder = folder;
  return made;
}

/// `ahead`: the directory, where another thread opened it already.
std::optional<WalkEvent> Walker::State::visit_directory(
    std::string_view name, const SourceNode* node, std::optional<Result<OpenedDirectory>> ahead) {
  const Level& above = levels.back();
  Result<OpenedDirectory> opened =
      ahead ? std::move(*ahead) : open_directory(*above.folder, name, above.place(), options);
  if (!opened) return source_error(std::move(opened).error(), node);
  if (opened->note == WalkNote::kSnapshots) {
    WalkEvent skipped = event(WalkKind::kSkipped);
    skipped.note = WalkNote::kSnapshots;
    return skipped;
  }
  const FileStatus& status = opened->status;
  if (options.views != nullptr) {
    const bool other = above.view == nullptr ? status.device != above.status.device
                                             : status.inode == above.view->nested_inode;
    if (other) return visit_border(name, node);
  }
  Level level = level_for(status, node, Extent::kWhole);
  if (node == nullptr || !node->is_source) level.note = opened->note;
  if (opened->listing) {
    level.names = std::move(opened->listing->names);
    level.listing_failure = std::move(opened->listing->failure);
    level.statuses = std::move(opened->statuses);
  }
  return enter(std::move(opened->folder), std::move(level));
}

/// A directory that is no part of a source itself. By path, since the way to a source may lead
/// through symbolic links: the user named it so.
WalkEvent Walker::State::visit_way_to(const SourceNode& node) {
  Result<Directory> directory = Directory::open(path);
  if (!directory) return source_error(std::move(directory).error(), &node);
  const Result<FileStatus> status = directory->status();
  if (!status) return source_error(status.error(), &node);
  return enter(std::move(*directory), level_for(*status, &node, Extent::kSourcesOnly));
}

Level Walker::State::level_for(const FileStatus& status, const SourceNode* node,
                               Extent extent) const {
  Level level;
  level.status = status;
  level.path_length = path.size();
  level.sources = node != nullptr && !node->below.empty() ? node : nullptr;
  level.extent = extent;
  level.ancestor_only = extent == Extent::kSourcesOnly;
  if (levels.empty() || (node != nullptr && node->is_source)) {
    level.source_device = status.device;
    level.source_length = path.size();
    level.rules = rules_here();
  } else {
    const Level& above = levels.back();
    level.source_device = above.source_device;
    level.source_length = above.source_length;
    level.rules = above.rules;
  }
  if (!levels.empty() && extent == Extent::kWhole) {
    level.view = levels.back().view;
    level.view_length = levels.back().view_length;
  }
  return level;
}

WalkEvent Walker::State::enter(Directory directory, Level level) {
  if (level.note != WalkNote::kNone) level.extent = Extent::kSourcesOnly;
  level.folder = std::make_shared<const Directory>(std::move(directory));
  levels.push_back(std::move(level));
  if (levels.size() > options.open_directories) {
    levels[levels.size() - 1 - options.open_directories].folder.reset();
  }
  return directory_event(WalkKind::kEnterDirectory, levels.back());
}

}  // namespace obhut::scan
