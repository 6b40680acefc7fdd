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

/// What another run holds still in the root of a volume: not ours to read a second time.
bool is_our_own(std::string_view name, const FileStatus& status) {
  return name == platform::kSnapshotFolder && status.uid == 0;
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
  made.error = std::move(failure).within(printable(path));
  return made;
}

/// A failure at or on the way to a source names that source: it is what the plan asks for.
WalkEvent Walker::State::source_error(Error failure, const SourceNode* node) const {
  if (node == nullptr) return error(std::move(failure));
  return error(std::move(failure).within("source " + printable(first_source(node, path))));
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
    if (level.next == level.names.size()) return leave();
    const std::size_t index = level.next++;
    const std::string_view name = level.names.name(index);
    if (!path.ends_with('/')) path += '/';
    path += name;
    if (auto made = visit(name, level.names.type(index))) return made;
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
  return enter(std::move(*root), *status, sources.get(), extent);
}

/// Reads the names of a directory just entered; an event where that fails. What was read before
/// the failure is walked all the same.
std::optional<WalkEvent> Walker::State::list(Level& level) {
  std::optional<WalkEvent> failed;
  if (level.sources != nullptr) {
    for (const auto& [name, node] : level.sources->below) level.names.add(name, FileType::kUnknown);
  }
  if (level.note == WalkNote::kCache) level.names.add("CACHEDIR.TAG", FileType::kRegular);
  if (level.extent == Extent::kWhole) {
    const Result<void> listed = level.folder->list([&](std::string_view name, FileType type) {
      level.names.add(name, type);
      return true;
    });
    if (!listed) failed = error(listed.error());
  }
  level.names.sort();
  if (level.view != nullptr) level.mounts = &options.views->mounts_in(path);
  return failed;
}

WalkEvent Walker::State::leave() {
  const WalkEvent made = directory_event(WalkKind::kLeaveDirectory, levels.back());
  last_left = made.folder;
  last_left_view = levels.back().view;
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
  const bool all_done = level.listed && level.next == level.names.size();
  level.listed = true;
  level.next = level.names.size();
  if (all_done) return std::nullopt;
  return error(std::move(again).error().within("go on with " + printable(path)));
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
std::optional<WalkEvent> Walker::State::visit(std::string_view name, FileType type) {
  const Level& level = levels.back();
  const SourceNode* node = source_below(level, name);
  const bool is_source = node != nullptr && node->is_source;
  if (node != nullptr && !is_source && level.extent == Extent::kSourcesOnly) {
    return visit_way_to(*node);
  }
  if (is_border(name, is_source)) return visit_border(name, node);
  std::optional<FileStatus> status;
  if (type == FileType::kUnknown) {
    Result<FileStatus> found = level.folder->status_of(name);
    if (!found) return source_error(std::move(found).error(), node);
    status = *found;
    type = found->type;
  }
  if (!is_source && !is_wanted(type == FileType::kDirectory)) {
    if (node == nullptr) return std::nullopt;
    return visit_way_to(*node);
  }
  if (type == FileType::kDirectory) return visit_directory(name, node);
  if (!status && type != FileType::kSocket) {
    Result<FileStatus> found = level.folder->status_of(name);
    if (!found) return source_error(std::move(found).error(), node);
    // A file system that told a wrong type, or a change since.
    if (found->type == FileType::kDirectory) return visit_directory(name, node);
    status = *found;
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

std::optional<WalkEvent> Walker::State::visit_directory(std::string_view name,
                                                        const SourceNode* node) {
  Result<Directory> directory = levels.back().folder->open_child(name);
  if (!directory) return source_error(std::move(directory).error(), node);
  const Result<FileStatus> status = directory->status();
  if (!status) return source_error(status.error(), node);
  if (is_our_own(name, *status)) {
    WalkEvent skipped = event(WalkKind::kSkipped);
    skipped.note = WalkNote::kSnapshots;
    return skipped;
  }
  if (options.views != nullptr) {
    const Level& level = levels.back();
    const bool other = level.view == nullptr ? status->device != level.status.device
                                             : status->inode == level.view->nested_inode;
    if (other) return visit_border(name, node);
  }
  return enter(std::move(*directory), *status, node, Extent::kWhole);
}

/// A directory that is no part of a source itself. By path, since the way to a source may lead
/// through symbolic links: the user named it so.
WalkEvent Walker::State::visit_way_to(const SourceNode& node) {
  Result<Directory> directory = Directory::open(path);
  if (!directory) return source_error(std::move(directory).error(), &node);
  const Result<FileStatus> status = directory->status();
  if (!status) return source_error(status.error(), &node);
  return enter(std::move(*directory), *status, &node, Extent::kSourcesOnly);
}

WalkEvent Walker::State::enter(Directory directory, const FileStatus& status,
                               const SourceNode* node, Extent extent) {
  Level level = level_for(status, node, extent);
  const bool is_source = node != nullptr && node->is_source;
  if (extent == Extent::kWhole && !is_source) level.note = note_for(directory, status, level);
  return enter(std::move(directory), std::move(level));
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

/// Why the content of a directory is left out, if it is.
WalkNote Walker::State::note_for(const Directory& directory, const FileStatus& status,
                                 const Level& level) const {
  if (level.rules.one_file_system && status.device != level.source_device) {
    return WalkNote::kOtherFileSystem;
  }
  const bool crossed = !levels.empty() && status.device != levels.back().status.device;
  if (options.skip_pseudo_file_systems && crossed) {
    const Result<platform::FileSystemKind> kind = directory.file_system_kind();
    if (kind && *kind == platform::FileSystemKind::kPseudo) return WalkNote::kPseudoFileSystem;
  }
  if (level.rules.skip_caches && directory.is_cache()) return WalkNote::kCache;
  return WalkNote::kNone;
}

}  // namespace obhut::scan
