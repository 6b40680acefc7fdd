#include "agent/vault/index_cache.h"

#include <algorithm>
#include <mutex>
#include <shared_mutex>

#include "agent/base/check.h"
#include "agent/vault/added_blobs.h"
#include "agent/vault/index_file.h"
#include "agent/vault/index_update.h"
#include "agent/vault/pack_list.h"
#include "agent/vault/work_folder.h"
#include "platform/local_files.h"

namespace obhut::vault {
using store::ObjectInfo;

struct IndexCache::State {
  State(const seal::Keyring& keyring, std::string where)
      : folder(std::move(where)), added(keyring, {}) {}
  ~State() {
    if (!fault) return;
    const std::string path = file->path();
    file.reset();
    // ignored: then the next run meets the damage again, and tries this again.
    static_cast<void>(platform::remove_file(path));
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  std::string folder;              // of the file
  std::optional<WorkFolder> work;  // beside it, or in the system's place for temporary files
  std::optional<IndexFile> file;
  std::vector<Fault> faults;

  mutable std::shared_mutex mutex;  // guards what follows
  PackList added_packs;
  AddedBlobs added;
  std::vector<bool> forgotten;                                           // by number; empty: none
  mutable std::vector<std::pair<std::uint64_t, std::uint32_t>> by_name;  // built when asked

  mutable std::mutex fault_mutex;
  mutable std::optional<Error> fault;

  [[nodiscard]] std::uint32_t file_packs() const { return file->pack_count(); }
  [[nodiscard]] bool is_forgotten(std::uint32_t pack) const {
    return pack < forgotten.size() && forgotten[pack];
  }
  /// Damage is met where nobody can be told of it: it is kept for intact().
  bool note(const Result<void>& read) const {
    if (read) return true;
    const std::scoped_lock lock(fault_mutex);
    if (!fault) fault = read.error();
    return false;
  }
  template <class Use>
  void each_copy(const BlobId& id, bool likely, Use use) const {
    bool more = true;
    auto visit = [&](const IndexRecord& record) {
      if (is_forgotten(record.pack)) return true;
      more = use(BlobLocation{record.pack, record.number, record.entry()});
      return more;
    };
    if (note(file->find(id, likely, std::ref(visit))) && more) {
      note(added.find(id, likely, std::ref(visit)));
    }
  }
  void build_names() const {
    if (!by_name.empty() || file_packs() == 0) return;
    by_name.reserve(file_packs());
    note(file->for_each_pack([&](std::uint32_t number, ByteView record) -> Result<void> {
      by_name.emplace_back(prefix_of(*BlobId::from_bytes(record.first(BlobId::kSize))), number);
      return {};
    }));
    std::ranges::sort(by_name);
  }
  [[nodiscard]] std::optional<std::uint32_t> find_in_file(const Sha256& name) const {
    build_names();
    const std::uint64_t prefix = prefix_of(*BlobId::from_bytes(name.bytes()));
    auto at = std::ranges::lower_bound(by_name, std::pair(prefix, std::uint32_t{0}));
    for (; at != by_name.end() && at->first == prefix; ++at) {
      const Result<pack::PackInfo> pack = file->pack(at->second);
      if (!pack) note(std::unexpected(pack.error()));
      if (pack && pack->name == name) return at->second;
    }
    return std::nullopt;
  }
  void remember(std::uint32_t pack) {
    if (pack < forgotten.size()) forgotten[pack] = false;
  }
  void spill_added();
};

IndexCache::IndexCache(std::unique_ptr<State> state) : state_(std::move(state)) {}
IndexCache::~IndexCache() = default;

Result<std::unique_ptr<IndexCache>> IndexCache::load(store::Store& store,
                                                     const seal::Keyring& keyring,
                                                     const std::string& directory,
                                                     std::stop_token stop) {
  // A folder of our own, where none is given, goes with us.
  std::optional<WorkFolder> work;
  if (directory.empty()) {
    ASSIGN_OR_RETURN(WorkFolder made, WorkFolder::make({}));
    work.emplace(std::move(made));
  } else {
    TRY(platform::make_directories(directory));
  }
  auto state = std::make_unique<State>(keyring, directory.empty() ? work->path() : directory);
  if (work) state->work.emplace(std::move(*work));
  ASSIGN_OR_RETURN(UpToDateIndex index,
                   update_index(store, keyring, state->folder, state->work, stop));
  state->file.emplace(std::move(index.file));
  state->faults = std::move(index.faults);
  return std::unique_ptr<IndexCache>(new IndexCache(std::move(state)));
}

// Where the disk is full, the records stay in memory.
void IndexCache::State::spill_added() {
  if (!added.is_full()) return;
  if (const Result<void> made = make_work_folder(work, folder); !made) return;
  // ignored: AddedBlobs goes on without, and tries again later.
  static_cast<void>(added.spill(work->path()));
}

std::optional<BlobLocation> IndexCache::find(const BlobId& id) const {
  const std::shared_lock lock(state_->mutex);
  std::optional<BlobLocation> found;
  state_->each_copy(id, false, [&](const BlobLocation& copy) {
    found = copy;
    return false;
  });
  return found;
}

std::vector<BlobLocation> IndexCache::find_all(const BlobId& id) const {
  const std::shared_lock lock(state_->mutex);
  std::vector<BlobLocation> found;
  state_->each_copy(id, true, [&](const BlobLocation& copy) {
    found.push_back(copy);
    return true;
  });
  return found;
}

Result<void> IndexCache::intact() const {
  const std::scoped_lock lock(state_->fault_mutex);
  if (!state_->fault) return {};
  // Of a retrying kind, since the next run finds it built anew: see ~State().
  return fail(ErrorKind::kUnavailable,
              state_->fault->message + "; it is removed, and made anew by the next run");
}

pack::PackInfo IndexCache::pack(std::uint32_t number) const {
  const std::shared_lock lock(state_->mutex);
  const State& state = *state_;
  if (number >= state.file_packs()) return state.added_packs.at(number - state.file_packs());
  Result<pack::PackInfo> pack = state.file->pack(number);
  if (pack) return std::move(*pack);
  state.note(std::unexpected(std::move(pack).error()));
  return {};
}

std::uint32_t IndexCache::pack_count() const {
  const std::shared_lock lock(state_->mutex);
  return state_->file_packs() + state_->added_packs.size();
}

std::uint64_t IndexCache::blob_count() const {
  const std::shared_lock lock(state_->mutex);
  return state_->file->size() + state_->added.size();
}

std::optional<std::uint32_t> IndexCache::find_pack(const Sha256& name) const {
  const std::unique_lock lock(state_->mutex);
  if (const auto added = state_->added_packs.find(name)) return state_->file_packs() + *added;
  return state_->find_in_file(name);
}

std::vector<BlobLocation> IndexCache::blobs_of(std::uint32_t pack) const {
  std::vector<BlobLocation> blobs;
  for_each_blob([&](const BlobId&, const BlobLocation& location) {
    if (location.pack == pack) blobs.push_back(location);
  });
  std::ranges::sort(blobs, {}, &BlobLocation::number);
  return blobs;
}

void IndexCache::for_each_blob(
    const std::function<void(const BlobId&, const BlobLocation&)>& use) const {
  const std::shared_lock lock(state_->mutex);
  const State& state = *state_;
  const auto visit = [&](const IndexRecord& record) {
    if (state.is_forgotten(record.pack)) return;
    use(record.id, {record.pack, record.number, record.entry()});
  };
  if (state.note(for_each_record(*state.file, visit))) state.note(state.added.for_each(visit));
}

void IndexCache::add(const pack::PackInfo& pack) {
  const std::unique_lock lock(state_->mutex);
  State& state = *state_;
  // What was gone and is stored again counts again.
  if (!state.forgotten.empty()) {
    if (const auto known = state.find_in_file(pack.name)) state.remember(*known);
    if (const auto known = state.added_packs.find(pack.name)) {
      state.remember(state.file_packs() + *known);
    }
  }
  const std::optional<std::uint32_t> place = state.added_packs.add(pack);
  if (!place) return;
  const std::uint32_t number = state.file_packs() + *place;
  for (std::uint32_t i = 0; i < pack.blobs.size(); ++i) {
    state.added.add(IndexRecord::of(pack.blobs[i], number, i));
  }
  state.spill_added();
}

void IndexCache::forget(const Sha256& pack) {
  if (const auto number = find_pack(pack)) forget(*number);
}

void IndexCache::forget(std::uint32_t pack) {
  const std::unique_lock lock(state_->mutex);
  std::vector<bool>& forgotten = state_->forgotten;
  const std::size_t packs = std::size_t{state_->file_packs()} + state_->added_packs.size();
  CHECK(pack < packs);
  if (forgotten.size() < packs) forgotten.resize(packs, false);
  forgotten[pack] = true;
}

const std::vector<ObjectInfo>& IndexCache::index_objects() const {
  return state_->file->included();
}
const std::vector<ObjectInfo>& IndexCache::superseded() const {
  return state_->file->superseded();
}
const std::vector<IndexCache::Fault>& IndexCache::faults() const {
  return state_->faults;
}

}  // namespace obhut::vault
