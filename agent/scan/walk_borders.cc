// Borders of a walk: where what is read may change between a snapshot, another one, and the entries
// themselves.

#include <algorithm>

#include "agent/scan/walk_state.h"
#include "platform/local_files.h"

namespace obhut::scan {

using platform::Directory;
using platform::FileStatus;
using platform::FileType;

bool Walker::State::is_border(std::string_view name, bool is_source) const {
  if (options.views == nullptr) return false;
  const Level& level = levels.back();
  return is_source || (level.mounts != nullptr && std::ranges::binary_search(*level.mounts, name));
}

/// The directory of `level` as it is now, below a source without following links: its owner must
/// not lead us elsewhere.
Result<Directory> Walker::State::open_live(const Level& level) const {
  const std::string source = path.substr(0, level.source_length);
  ASSIGN_OR_RETURN(Directory at, Directory::open(platform::parent_of(source)));
  const std::size_t slash = source.rfind('/');
  std::string_view rest = std::string_view(path).substr(slash + 1, level.path_length - slash - 1);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    ASSIGN_OR_RETURN(at, at.open_child(rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return at;
}

/// What is there now decides what is asked for. Nothing where the entry is left out.
std::optional<WalkEvent> Walker::State::visit_border(std::string_view name,
                                                     const SourceNode* node) {
  SharedDirectory folder = levels.back().folder;
  if (levels.back().view != nullptr) {
    Result<Directory> live = open_live(levels.back());
    if (!live) return source_error(std::move(live).error(), node);
    folder = std::make_shared<const Directory>(std::move(*live));
  }
  const Result<FileStatus> status = folder->status_of(name);
  if (!status) return source_error(status.error(), node);
  const bool is_directory = status->type == FileType::kDirectory;
  const bool is_source = node != nullptr && node->is_source;
  if (!is_source && !is_wanted(is_directory)) {
    if (node == nullptr) return std::nullopt;
    return visit_way_to(*node);
  }
  if (!is_directory) return visit_border_file(std::move(folder), name, *status, node);
  Result<Directory> directory = folder->open_child(name);
  if (!directory) return source_error(std::move(directory).error(), node);
  const Result<FileStatus> opened = directory->status();
  if (!opened) return source_error(opened.error(), node);
  return visit_border_directory(std::move(*directory), *opened, node);
}

/// `folder`: the live directory that it is in.
WalkEvent Walker::State::visit_border_file(SharedDirectory folder, std::string_view name,
                                           FileStatus status, const SourceNode* node) {
  if (status.mount_root) {
    if (Result<void> allowed = options.views->read_live(path); !allowed) {
      return stopped(std::move(allowed).error());
    }
    return visit_entry(name, status, node, folder);
  }
  const std::string above = platform::parent_of(path);
  const auto view = options.views->view_of(above, *folder);
  if (!view) return stopped(view.error());
  if (*view == nullptr) return visit_entry(name, status, node, folder);
  Result<Directory> held = Directory::open_as((*view)->folder, above, (*view)->devices);
  if (!held) return source_error(std::move(held).error(), node);
  folder = std::make_shared<const Directory>(std::move(*held));
  const Result<FileStatus> found = folder->status_of(name);
  if (!found) return source_error(found.error(), node);
  return visit_entry(name, *found, node, folder);
}

WalkEvent Walker::State::visit_border_directory(Directory live, const FileStatus& status,
                                                const SourceNode* node) {
  Level level = level_for(status, node, Extent::kWhole);
  level.view = nullptr;
  // What is left out needs no snapshot.
  const bool is_source = node != nullptr && node->is_source;
  if (!is_source) level.note = note_for(live, status, levels.back().place(), options);
  if (level.note != WalkNote::kNone) return enter(std::move(live), std::move(level));
  const auto view = options.views->view_of(path, live);
  if (!view) return stopped(view.error());
  if (*view == nullptr) return enter(std::move(live), std::move(level));
  Result<Directory> held = Directory::open_as((*view)->folder, path, (*view)->devices);
  if (!held) return source_error(std::move(held).error(), node);
  const Result<FileStatus> found = held->status();
  if (!found) return source_error(found.error(), node);
  level.status = *found;
  level.view = *view;
  level.view_length = path.size();
  return enter(std::move(*held), std::move(level));
}

}  // namespace obhut::scan
