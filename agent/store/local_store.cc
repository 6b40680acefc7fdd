#include "agent/store/local_store.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <set>
#include <utility>

#include "agent/base/text.h"
#include "platform/atomic_file.h"
#include "platform/file_lock.h"
#include "platform/local_files.h"

namespace obhut::store {
namespace {

constexpr std::string_view kReadme =
    "This folder is an Obhut vault: encrypted backups, readable with `obhut vault` and one of the\n"
    "vault's keys. Nothing in it may be changed or removed by hand; to make room, use\n"
    "`obhut vault prune`. A copy of the whole folder is a complete vault again.\n";

std::string pack_folder(const std::string& packs, std::uint8_t first_byte) {
  return platform::join(packs, to_hex({&first_byte, 1}));
}

constexpr std::chrono::minutes kRemovalPatience{10};

/// What keeps uses apart, each file by flock:
///   lock    one writer
///   prune   one prune
///   use     shared by all; exclusive for whoever must be alone all the time
///   gate    shared by readers and writers; exclusive, briefly, while a prune removes
class HeldLock final : public StoreLock, public Quiet {
 public:
  void hold(platform::FileLock lock) { held_.push_back(std::move(lock)); }

 private:
  std::vector<platform::FileLock> held_;
};

std::string purpose_of(Use use) {
  switch (use) {
    case Use::kRead:
      return "a restore or check";
    case Use::kWrite:
      return "a backup";
    case Use::kPrune:
      return "a prune";
    case Use::kReap:
      return "a repair or the removal of a key";
  }
  return "another run";
}

}  // namespace

struct LocalStore::State {
  explicit State(std::string where) : directory(std::move(where)) {}

  std::string directory;
  /// The folders of packs that are here were made by a process that may have been killed before it
  /// synced their names: the first put of this process does that.
  std::atomic<bool> pack_folders_synced = false;
  /// Where unfinished objects lie: not the same for a writer and a prune, who clear it away at
  /// their beginning.
  std::string_view temporary = "tmp";

  [[nodiscard]] std::string in(std::string_view name) const {
    return platform::join(directory, name);
  }
  [[nodiscard]] std::string folder(ObjectKind kind) const { return in(model::folder_of(kind)); }
  [[nodiscard]] std::string folder(const ObjectName& name) const {
    if (name.kind != ObjectKind::kPack) return folder(name.kind);
    return pack_folder(folder(name.kind), name.hash.bytes()[0]);
  }
  /// Folders of packs are made with their first pack; a copying tool may have left out others.
  Result<void> make_folders_for(const ObjectName& name) {
    TRY(platform::make_directories(in(temporary)));
    if (platform::exists(folder(name))) return {};
    TRY(platform::make_directories(folder(name)));
    return platform::sync_directory(folder(name.kind));
  }
  Result<void> clear(std::string_view folder) const {
    if (!platform::exists(in(folder))) return {};
    ASSIGN_OR_RETURN(const std::vector<std::string> left, platform::list_directory(in(folder)));
    for (const std::string& name : left) {
      TRY(platform::remove_file(platform::join(in(folder), name)));
    }
    return {};
  }
  Result<void> sync_pack_folders() {
    if (pack_folders_synced) return {};
    TRY(platform::sync_directory(folder(ObjectKind::kPack)));
    pack_folders_synced = true;
    return {};
  }
  [[nodiscard]] std::string path(const ObjectName& name) const {
    return platform::join(folder(name), name.hash.text());
  }
};

LocalStore::LocalStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
LocalStore::~LocalStore() = default;

const std::string& LocalStore::directory() const {
  return state_->directory;
}

Result<std::unique_ptr<LocalStore>> LocalStore::create(const std::string& directory) {
  if (platform::exists(directory)) {
    ASSIGN_OR_RETURN(const std::vector<std::string> names, platform::list_directory(directory));
    // What a creation that was cut off left is no obstacle; the README is its last step.
    constexpr std::array<std::string_view, 5> kOurs = {"heads", "index", "keys", "packs", "tmp"};
    const bool ours = std::ranges::all_of(names, [&](const std::string& name) {
      return std::ranges::find(kOurs, name) != kOurs.end() || name.starts_with(".tmp-");
    });
    if (!ours) {
      return fail(ErrorKind::kConflict,
                  "vault " + printable(directory) +
                      ": the folder is not empty; name one that is new or empty");
    }
  }
  TRY(platform::make_directories(directory));
  auto state = std::make_unique<State>(directory);
  TRY(platform::make_directories(state->in("tmp")));
  for (const ObjectKind kind : model::kAllObjectKinds) {
    TRY(platform::make_directories(state->folder(kind)));
  }
  TRY(platform::write_file(state->in("README"), as_bytes(kReadme), 0644));
  TRY(platform::sync_directory(platform::parent_of(directory)));
  return std::unique_ptr<LocalStore>(new LocalStore(std::move(state)));
}

Result<std::unique_ptr<LocalStore>> LocalStore::open(const std::string& directory) {
  auto state = std::make_unique<State>(directory);
  for (const ObjectKind kind : model::kAllObjectKinds) {
    const Result<platform::FileStatus> status = platform::status_of_path(state->folder(kind));
    if (!status && status.error().kind != ErrorKind::kNotFound) {
      return std::unexpected(status.error());
    }
    if (!status || status->type != platform::FileType::kDirectory) {
      return fail(ErrorKind::kNotFound, "vault " + printable(directory) +
                                            ": no vault is there; check the path or make " +
                                            "one with `obhut vault init`");
    }
  }
  return std::unique_ptr<LocalStore>(new LocalStore(std::move(state)));
}

Result<std::unique_ptr<StoreLock>> LocalStore::lock(Use use) {
  using platform::LockMode;
  const std::string purpose = purpose_of(use);
  auto held = std::make_unique<HeldLock>();
  const auto take = [&](std::string_view file, LockMode mode,
                        std::chrono::milliseconds patience = {}) -> Result<void> {
    ASSIGN_OR_RETURN(platform::FileLock lock,
                     platform::FileLock::acquire(state_->in(file), mode, purpose, patience));
    held->hold(std::move(lock));
    return {};
  };
  if (use == Use::kWrite || use == Use::kReap) TRY(take("lock", LockMode::kExclusive));
  if (use == Use::kPrune) TRY(take("prune", LockMode::kExclusive));
  TRY(take("use", use == Use::kReap ? LockMode::kExclusive : LockMode::kShared));
  // A prune that removes is through soon: no reason to fail a nightly backup.
  if (use == Use::kRead || use == Use::kWrite) {
    TRY(take("gate", LockMode::kShared, kRemovalPatience));
  }
  state_->temporary = use == Use::kPrune ? "tmp-prune" : "tmp";
  // Whoever wrote these is dead: of each kind there is one, and it is this one.
  if (use == Use::kWrite || use == Use::kReap) TRY(state_->clear("tmp"));
  if (use == Use::kPrune || use == Use::kReap) TRY(state_->clear("tmp-prune"));
  return held;
}

Result<std::unique_ptr<Quiet>> LocalStore::quiet(std::stop_token stop) {
  auto held = std::make_unique<HeldLock>();
  Result<platform::FileLock> gate =
      platform::FileLock::acquire(state_->in("gate"), platform::LockMode::kExclusive,
                                  purpose_of(Use::kPrune), {}, std::move(stop));
  if (!gate) return std::unexpected(std::move(gate.error()));
  held->hold(std::move(*gate));
  return held;
}

Result<void> LocalStore::put(const ObjectName& name, ByteView body, std::stop_token stop) {
  if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "put " + name.text());
  const std::string path = state_->path(name);
  const Result<platform::FileStatus> there = platform::status_of_path(path);
  if (there && there->type == platform::FileType::kRegular && there->size == body.size()) {
    // Its bytes were synced before it got this name; the name itself perhaps not yet.
    TRY(platform::sync_directory(state_->folder(name)));
    return state_->sync_pack_folders();
  }
  const auto write = [&]() -> Result<void> {
    ASSIGN_OR_RETURN(platform::AtomicFile file,
                     platform::AtomicFile::create(path, 0600, state_->in(state_->temporary)));
    TRY(file.write_past_cache(body));
    return file.commit();
  };
  TRY(state_->make_folders_for(name));
  if (Result<void> done = write(); !done) {
    return pass_on(std::move(done.error()), "put " + name.text());
  }
  return state_->sync_pack_folders();
}

Result<Bytes> LocalStore::get(const ObjectName& name, ByteRange range, std::stop_token stop) {
  if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "get " + name.text());
  Result<platform::LocalFile> file = platform::LocalFile::open_for_reading(state_->path(name));
  if (!file) return pass_on(std::move(file.error()), "get " + name.text());
  Result<Bytes> bytes = file->read_range_once(range);
  if (!bytes) return pass_on(std::move(bytes.error()), "get " + name.text());
  return bytes;
}

Result<std::optional<std::uint64_t>> LocalStore::size_of(const ObjectName& name,
                                                         std::stop_token stop) {
  if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "look for " + name.text());
  Result<platform::FileStatus> status = platform::status_of_path(state_->path(name));
  if (!status && status.error().kind == ErrorKind::kNotFound) return std::optional<std::uint64_t>{};
  if (!status) return pass_on(std::move(status.error()), "look for " + name.text());
  return std::optional<std::uint64_t>(status->size);
}

Result<std::vector<ObjectInfo>> LocalStore::list(ObjectKind kind, std::stop_token stop) {
  std::vector<std::string> folders;
  if (kind == ObjectKind::kPack) {
    ASSIGN_OR_RETURN(folders, platform::list_directory(state_->folder(kind)));
    for (std::string& folder : folders) folder = platform::join(state_->folder(kind), folder);
  } else {
    folders.push_back(state_->folder(kind));
  }
  std::vector<ObjectInfo> objects;
  for (const std::string& folder : folders) {
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "list " + folder);
    ASSIGN_OR_RETURN(const std::vector<std::string> names, platform::list_directory(folder));
    for (const std::string& text : names) {
      const std::optional<Sha256> hash = Sha256::parse(text);
      if (!hash) continue;
      const ObjectName name{kind, *hash};
      ASSIGN_OR_RETURN(const std::optional<std::uint64_t> size, size_of(name, stop));
      // Gone meanwhile, or lying in another folder than its own.
      if (size) objects.push_back({name, *size});
    }
  }
  std::ranges::sort(objects);
  return objects;
}

Result<void> LocalStore::remove(const ObjectName& name, std::stop_token stop) {
  if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "remove " + name.text());
  Result<void> removed = platform::remove_file(state_->path(name));
  if (!removed) return pass_on(std::move(removed.error()), "remove " + name.text());
  if (!platform::exists(state_->folder(name))) return {};
  return platform::sync_directory(state_->folder(name));
}

// One sync a folder: each of them waits for the disk.
Result<void> LocalStore::remove_all(std::span<const ObjectName> names, std::stop_token stop) {
  std::set<std::string> changed;
  Result<void> done;
  for (const ObjectName& name : names) {
    if (stop.stop_requested()) {
      done = fail(ErrorKind::kCancelled, "remove " + name.text());
      break;
    }
    done = platform::remove_file(state_->path(name));
    if (!done) {
      done = pass_on(std::move(done.error()), "remove " + name.text());
      break;
    }
    changed.insert(state_->folder(name));
  }
  for (const std::string& folder : changed) {
    if (platform::exists(folder)) TRY(platform::sync_directory(folder));
  }
  return done;
}

}  // namespace obhut::store
