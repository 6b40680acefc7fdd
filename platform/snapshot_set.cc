#include "platform/snapshot_set.h"

#include <algorithm>

#include "agent/base/text.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"

namespace obhut::platform {
namespace {

constexpr std::size_t kNameLength = 32;
constexpr std::size_t kLongestRecord = 4096;

bool is_record(const std::string& name) {
  return name.size() == kNameLength && std::ranges::all_of(name, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string lock_path(const std::string& folder) {
  return join(folder, "lock");
}

}  // namespace

Result<std::unique_ptr<SnapshotSet>> SnapshotSet::open(
    const std::string& folder, std::vector<std::unique_ptr<VolumeSnapshots>> kinds) {
  TRY(make_directories(folder, 0700));
  ASSIGN_OR_RETURN(FileLock lock,
                   FileLock::acquire(lock_path(folder), LockMode::kExclusive, "snapshots"));
  std::unique_ptr<SnapshotSet> set(new SnapshotSet(folder, std::move(lock), std::move(kinds)));
  set->remove_leftovers();
  return set;
}

bool SnapshotSet::has_leftovers(const std::string& folder) {
  const Result<std::vector<std::string>> names = list_directory(folder);
  return names && std::ranges::any_of(*names, is_record);
}

SnapshotSet::~SnapshotSet() {
  // ignored: their records stay, and the next run has another try
  static_cast<void>(close());
}

void SnapshotSet::remove_leftovers() {
  const Result<std::vector<std::string>> names = list_directory(folder_);
  if (!names) {
    left_.push_back(names.error());
    return;
  }
  for (const std::string& name : *names) {
    if (!is_record(name)) continue;
    if (Result<void> removed = remove_leftover(name); !removed) {
      left_.push_back(std::move(removed).error().within("snapshot " + name));
    }
  }
}

Result<void> SnapshotSet::remove_leftover(const std::string& name) {
  ASSIGN_OR_RETURN(const Bytes record, read_file(join(folder_, name), kLongestRecord));
  const std::string_view text = as_text(record);
  const std::size_t first = text.find('\n');
  const std::size_t second = first == std::string_view::npos ? first : text.find('\n', first + 1);
  if (second == std::string_view::npos) return fail(ErrorKind::kCorrupt, "its record is damaged");
  const std::string_view kind = text.substr(0, first);
  const auto maker = std::ranges::find(kinds_, kind, [](const auto& each) { return each->kind(); });
  if (maker == kinds_.end()) {
    return fail(ErrorKind::kUnsupported, "of an unknown kind: " + printable(kind));
  }
  return remove(**maker, std::string(text.substr(first + 1, second - first - 1)), name);
}

Result<void> SnapshotSet::remove(VolumeSnapshots& maker, const std::string& volume,
                                 const std::string& name) {
  TRY(maker.remove(volume, name));
  return remove_file(join(folder_, name));
}

Result<SnapshotView> SnapshotSet::view_of(const Handle& directory) {
  for (const std::unique_ptr<VolumeSnapshots>& maker : kinds_) {
    ASSIGN_OR_RETURN(const std::optional<VolumePlace> place, maker->locate(directory));
    if (!place) continue;
    const auto [at, is_new] = held_.try_emplace(place->volume);
    Held& held = at->second;
    if (is_new) {
      held.maker = maker.get();
      make(held, place->volume);
    }
    if (!held.open) return std::unexpected(held.error);
    SnapshotView view{
        held.open->folder(), {held.open->device(), place->device}, held.open->nested_inode()};
    if (!place->inner.empty()) view.folder = join(view.folder, place->inner);
    return view;
  }
  return fail(ErrorKind::kUnsupported, "lies on no btrfs subvolume and no LVM volume");
}

void SnapshotSet::make(Held& held, const std::string& volume) {
  held.name = new_snapshot_name();
  const std::string record = std::string(held.maker->kind()) + "\n" + volume + "\n";
  // First the record: a snapshot that nobody knows of would fill the volume for ever.
  if (Result<void> written = write_file(join(folder_, held.name), as_bytes(record)); !written) {
    held.error = std::move(written).error().within("record of a snapshot");
    return;
  }
  Result<std::unique_ptr<OpenSnapshot>> made = held.maker->make(volume, held.name);
  if (made) {
    held.open = std::move(*made);
    return;
  }
  held.error = std::move(made).error();
  // ignored: the record stays then, and the next run has another try
  static_cast<void>(remove(*held.maker, volume, held.name));
}

Result<void> SnapshotSet::still_whole() const {
  for (const auto& [volume, held] : held_) {
    if (held.open) TRY(held.open->still_whole());
  }
  return {};
}

std::vector<Error> SnapshotSet::close() {
  std::vector<Error> left;
  for (auto& [volume, held] : held_) {
    if (!held.open) continue;
    held.open.reset();
    if (Result<void> removed = remove(*held.maker, volume, held.name); !removed) {
      left.push_back(std::move(removed).error().within("snapshot " + held.name));
    }
  }
  held_.clear();
  return left;
}

}  // namespace obhut::platform
