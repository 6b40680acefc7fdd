#include "agent/pipeline/held_sources.h"

#include <algorithm>

#include "platform/local_files.h"

namespace obhut::pipeline {
namespace {

bool lies_below(std::string_view path, std::string_view folder) {
  if (folder == "/") return path.size() > 1 && path.starts_with('/');
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

/// As the walk would ask: each directory on the way first.
bool is_wanted(const scan::EntryFilter* filter, std::string_view source, std::string_view path) {
  if (filter == nullptr) return true;
  std::size_t end = source == "/" ? 1 : source.size() + 1;
  while (end != std::string_view::npos) {
    end = path.find('/', end);
    if (!filter->wants(path.substr(0, end), true)) return false;
    if (end != std::string_view::npos) ++end;
  }
  return true;
}

}  // namespace

HeldSources::HeldSources(SnapshotOptions options, const Log& log)
    : options_(std::move(options)), log_(log) {
  if (options_.folder.empty()) {
    no_set_ = "there is no folder for records of snapshots";
    return;
  }
  if (!wanted() && !platform::SnapshotSet::has_leftovers(options_.folder)) return;
  auto opened = platform::SnapshotSet::open(options_.folder, options_.volumes());
  if (!opened) {
    no_set_ = opened.error().message;
    return;
  }
  for (const Error& left : (*opened)->left()) {
    log_.warn("a snapshot of an earlier run stays", field("why", left.message));
  }
  if (wanted()) set_ = std::move(*opened);
}

Result<void> HeldSources::prepare(const std::vector<std::string>& sources,
                                  const scan::WalkOptions& walk) {
  if (!wanted()) return {};
  ASSIGN_OR_RETURN(mounts_, platform::mount_table());
  for (const std::string& source : sources) TRY(prepare_source(source));
  for (const std::string& source : sources) TRY(prepare_mounts(source, walk));
  return {};
}

// One that is missing or cannot be opened is told by the walk.
Result<void> HeldSources::prepare_source(const std::string& source) {
  const std::string above = platform::parent_of(source);
  const Result<platform::Directory> folder = platform::Directory::open(above);
  if (!folder) return {};
  if (source == "/") {
    TRY(view_of(source, *folder));
    return {};
  }
  const std::string name = platform::file_name_of(source);
  const Result<platform::FileStatus> status = folder->status_of(name);
  if (!status) return {};
  if (status->type != platform::FileType::kDirectory) {
    if (status->mount_root) return read_live(source);
    TRY(view_of(above, *folder));
    return {};
  }
  const Result<platform::Directory> live = folder->open_child(name);
  if (!live) return {};
  TRY(view_of(source, *live));
  return {};
}

Result<void> HeldSources::prepare_mounts(const std::string& source, const scan::WalkOptions& walk) {
  scan::SourceRules rules = walk.rules;
  if (walk.filter != nullptr) rules = walk.filter->rules_of(source).value_or(rules);
  if (rules.one_file_system) return {};
  std::vector<std::string> below;
  for (const auto& [folder, names] : mounted_) {
    if (folder != source && !lies_below(folder, source)) continue;
    for (const std::string& name : names) below.push_back(platform::join(folder, name));
  }
  for (const std::string& path : below) {
    if (!is_wanted(walk.filter, source, path)) continue;
    const Result<platform::Directory> live = platform::Directory::open(path);
    if (!live) continue;  // a file, or not ours to see: the walk tells
    const Result<platform::FileSystemKind> kind = live->file_system_kind();
    if (kind && *kind == platform::FileSystemKind::kPseudo) continue;
    TRY(view_of(path, *live));
  }
  return {};
}

Result<const platform::SnapshotView*> HeldSources::view_of(const std::string& path,
                                                           const platform::Directory& live) {
  const auto known = views_.find(path);
  if (known != views_.end()) return known->second ? &*known->second : nullptr;
  Result<platform::SnapshotView> view =
      set_ ? set_->view_of(live.handle()) : fail(ErrorKind::kUnsupported, no_set_);
  if (!view) {
    TRY(take_live(path, view.error().message));
    views_.emplace(path, std::nullopt);
    return nullptr;
  }
  held_ = true;
  remember_mounts(path, live);
  return &*views_.emplace(path, std::move(*view)).first->second;
}

Result<void> HeldSources::read_live(const std::string& path) {
  return take_live(path, "a file that is mounted by itself");
}

Result<void> HeldSources::take_live(const std::string& path, const std::string& reason) {
  if (options_.use == model::SnapshotUse::kRequired) {
    return fail(ErrorKind::kUnsupported,
                platform::shown(path) + ": a snapshot is required and cannot be had: " + reason +
                    "; leave it out, or have snapshots preferred instead of required");
  }
  if (live_.size() < kRemembered) live_.push_back({path, reason});
  return {};
}

/// A source may be named through links; the system names mounts by where they are.
void HeldSources::remember_mounts(const std::string& path, const platform::Directory& live) {
  const std::string real = platform::path_now(live.handle());
  if (real.empty()) return;
  for (const platform::Mount& mount : mounts_) {
    if (!lies_below(mount.point, real)) continue;
    const std::string rest = mount.point.substr(real == "/" ? 1 : real.size() + 1);
    const std::string here = platform::join(path, rest);
    std::vector<std::string>& names = mounted_[platform::parent_of(here)];
    const std::string name = platform::file_name_of(here);
    const auto at = std::ranges::lower_bound(names, name);
    if (at == names.end() || *at != name) names.insert(at, name);
  }
}

const std::vector<std::string>& HeldSources::mounts_in(const std::string& path) const {
  static const std::vector<std::string> kNone;
  const auto found = mounted_.find(path);
  return found == mounted_.end() ? kNone : found->second;
}

Result<void> HeldSources::finish() {
  if (!set_) return {};
  const Result<void> whole = set_->still_whole();
  for (const Error& left : set_->close()) {
    log_.warn("a snapshot stays until the next run", field("why", left.message));
  }
  set_.reset();
  if (whole) return {};
  if (options_.use == model::SnapshotUse::kRequired) {
    return fail(ErrorKind::kUnavailable, whole.error().message);
  }
  live_.push_back({"/", whole.error().message});
  return {};
}

model::Consistency HeldSources::consistency() const {
  return held_ && live_.empty() ? model::Consistency::kSnapshot : model::Consistency::kBestEffort;
}

}  // namespace obhut::pipeline
