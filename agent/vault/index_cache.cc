#include "agent/vault/index_cache.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <unordered_map>

#include "agent/base/check.h"
#include "agent/vault/index_file.h"
#include "platform/local_files.h"

namespace obhut::vault {
namespace {

using store::ObjectInfo;

constexpr std::uint64_t kMaxIndexObject = 128U << 20U;

bool stops_everything(const Error& error) {
  const Disposition disposition = disposition_of(error.kind);
  return disposition == Disposition::kRetry || disposition == Disposition::kStopQuiet;
}

/// A folder of our own that goes with us.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> make() {
    ASSIGN_OR_RETURN(std::string path, platform::make_temporary_directory("obhut-index-"));
    return TemporaryFolder(std::move(path));
  }
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder() {
    // ignored: a temporary folder that stays is in nobody's way
    if (!path_.empty()) static_cast<void>(platform::remove_tree(path_));
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

/// What became of the store's index objects.
struct Gathered {
  std::vector<ObjectInfo> included;
  std::vector<ObjectInfo> superseded;
  std::vector<IndexCache::Fault> faults;
};

/// Reads index objects and remembers the damaged ones, so that none is asked for twice.
class Gatherer {
 public:
  Gatherer(store::Store& store, const seal::Keyring& keyring, std::stop_token stop)
      : store_(store), keyring_(keyring), stop_(std::move(stop)) {}

  /// Nothing where the object is damaged: noted as a fault.
  Result<std::optional<pack::IndexObject>> read(const ObjectInfo& object) {
    if (faulty_.contains(object.name.hash)) return std::optional<pack::IndexObject>{};
    Result<Bytes> bytes = store::get_whole(store_, object.name, kMaxIndexObject, stop_);
    if (!bytes) return note(object, std::move(bytes.error()));
    Result<pack::IndexObject> index = pack::open_index(keyring_, *bytes);
    if (!index) return note(object, std::move(index.error()));
    return std::optional<pack::IndexObject>(std::move(*index));
  }
  [[nodiscard]] std::vector<IndexCache::Fault> faults() const {
    std::vector<IndexCache::Fault> faults;
    faults.reserve(faulty_.size());
    for (const auto& [hash, error] : faulty_) faults.push_back({hash, error});
    return faults;
  }

 private:
  Result<std::optional<pack::IndexObject>> note(const ObjectInfo& object, Error&& error) {
    if (stops_everything(error)) return std::unexpected(std::move(error));
    faulty_.emplace(object.name.hash, std::move(error));
    return std::optional<pack::IndexObject>{};
  }
  store::Store& store_;
  const seal::Keyring& keyring_;
  std::stop_token stop_;
  std::map<Sha256, Error> faulty_;
};

bool holds(const std::vector<ObjectInfo>& all, const ObjectInfo& one) {
  return std::ranges::binary_search(all, one);
}

/// True where the file tells of all that the store has.
bool is_complete(const IndexFile& file, const std::vector<ObjectInfo>& listed) {
  return file.included().size() + file.superseded().size() == listed.size() &&
         std::ranges::all_of(file.superseded(),
                             [&](const ObjectInfo& object) { return holds(listed, object); });
}

/// True where everything that the file was made from is in the store still.
bool is_usable(const IndexFile& file, const std::vector<ObjectInfo>& listed) {
  return std::ranges::all_of(file.included(),
                             [&](const ObjectInfo& object) { return holds(listed, object); });
}

}  // namespace

struct IndexCache::State {
  std::optional<TemporaryFolder> temporary;
  std::optional<IndexFile> file;
  Gathered gathered;

  mutable std::shared_mutex mutex;
  std::vector<pack::PackInfo> added_packs;
  std::unordered_multimap<BlobId, BlobLocation, IdHash> added;
  std::set<Sha256> forgotten;
  std::unordered_map<Sha256, std::uint32_t, IdHash> added_names;
  mutable std::vector<std::uint32_t> by_name;  // numbers of the file's packs, built when asked

  [[nodiscard]] std::uint32_t file_packs() const { return file->pack_count(); }
  [[nodiscard]] Sha256 name_of(std::uint32_t pack) const {
    if (pack < file_packs()) return file->pack_name(pack);
    return added_packs[pack - file_packs()].name;
  }
  [[nodiscard]] bool is_forgotten(std::uint32_t pack) const {
    return !forgotten.empty() && forgotten.contains(name_of(pack));
  }
  template <class Use>
  void each_copy(const BlobId& id, Use use) const {
    for (std::uint64_t at = file->lower_bound(id); at < file->size(); ++at) {
      const IndexRecord record = file->record(at);
      if (record.id != id) break;
      if (is_forgotten(record.pack)) continue;
      if (!use(BlobLocation{record.pack, record.number, record.entry()})) return;
    }
    const auto [begin, end] = added.equal_range(id);
    for (auto copy = begin; copy != end; ++copy) {
      if (is_forgotten(copy->second.pack)) continue;
      if (!use(copy->second)) return;
    }
  }
};

namespace {

/// One attempt to build `path` from `base` (may be null) and the objects that it lacks.
/// Out: false where a superseded object was added: `skip` names it now, and the caller tries again.
Result<bool> build(Gatherer& gatherer, const IndexFile* base, const std::vector<ObjectInfo>& listed,
                   std::set<Sha256>& skip, const std::string& folder, const std::string& path,
                   const seal::Keyring& keyring) {
  IndexFileBuilder builder(folder);
  std::vector<ObjectInfo> included;
  if (base != nullptr) {
    builder.start_from(*base);
    included = base->included();
    for (const ObjectInfo& object : base->superseded()) skip.insert(object.name.hash);
  }
  std::set<Sha256> done;
  for (const ObjectInfo& object : included) done.insert(object.name.hash);
  bool wasted = false;
  for (const ObjectInfo& object : listed) {
    if (done.contains(object.name.hash) || skip.contains(object.name.hash)) continue;
    ASSIGN_OR_RETURN(const std::optional<pack::IndexObject> index, gatherer.read(object));
    if (!index) continue;
    for (const Sha256& old : index->superseded) {
      skip.insert(old);
      wasted = wasted || done.contains(old);
    }
    if (wasted) continue;
    for (const pack::PackInfo& pack : index->packs) TRY(builder.add(pack));
    included.push_back(object);
    done.insert(object.name.hash);
  }
  if (wasted) return false;
  std::vector<ObjectInfo> superseded;
  for (const ObjectInfo& object : listed) {
    if (skip.contains(object.name.hash)) superseded.push_back(object);
  }
  std::ranges::sort(included);
  TRY(builder.write(path, keyring, included, superseded));
  return true;
}

}  // namespace

IndexCache::IndexCache(std::unique_ptr<State> state) : state_(std::move(state)) {}
IndexCache::~IndexCache() = default;

Result<std::unique_ptr<IndexCache>> IndexCache::load(store::Store& store,
                                                     const seal::Keyring& keyring,
                                                     const std::string& directory,
                                                     std::stop_token stop) {
  auto state = std::make_unique<State>();
  std::string folder = directory;
  if (folder.empty()) {
    ASSIGN_OR_RETURN(TemporaryFolder made, TemporaryFolder::make());
    folder = made.path();
    state->temporary.emplace(std::move(made));
  } else {
    TRY(platform::make_directories(folder));
  }
  const std::string path = platform::join(folder, keyring.vault().text() + ".index");
  ASSIGN_OR_RETURN(const std::vector<ObjectInfo> listed,
                   store.list(model::ObjectKind::kIndex, stop));
  std::optional<IndexFile> base;
  // A cache that is missing, stale or damaged is no error: it is built again.
  if (Result<IndexFile> old = IndexFile::open(path, keyring)) {
    if (is_usable(*old, listed)) base.emplace(std::move(*old));
  }
  Gatherer gatherer(store, keyring, stop);
  std::set<Sha256> skip;
  while (!base || !is_complete(*base, listed)) {
    ASSIGN_OR_RETURN(const bool built,
                     build(gatherer, base ? &*base : nullptr, listed, skip, folder, path, keyring));
    base.reset();
    if (!built) continue;
    ASSIGN_OR_RETURN(IndexFile file, IndexFile::open(path, keyring));
    base.emplace(std::move(file));
    break;
  }
  state->gathered = {base->included(), base->superseded(), gatherer.faults()};
  state->file.emplace(std::move(*base));
  return std::unique_ptr<IndexCache>(new IndexCache(std::move(state)));
}

std::optional<BlobLocation> IndexCache::find(const BlobId& id) const {
  const std::shared_lock lock(state_->mutex);
  std::optional<BlobLocation> found;
  state_->each_copy(id, [&](const BlobLocation& copy) {
    found = copy;
    return false;
  });
  return found;
}

std::vector<BlobLocation> IndexCache::find_all(const BlobId& id) const {
  const std::shared_lock lock(state_->mutex);
  std::vector<BlobLocation> found;
  state_->each_copy(id, [&](const BlobLocation& copy) {
    found.push_back(copy);
    return true;
  });
  return found;
}

pack::PackInfo IndexCache::pack(std::uint32_t number) const {
  const std::shared_lock lock(state_->mutex);
  if (number < state_->file_packs()) return state_->file->pack(number);
  CHECK(number - state_->file_packs() < state_->added_packs.size());
  return state_->added_packs[number - state_->file_packs()];
}

std::uint32_t IndexCache::pack_count() const {
  const std::shared_lock lock(state_->mutex);
  return static_cast<std::uint32_t>(state_->file_packs() + state_->added_packs.size());
}

std::uint64_t IndexCache::blob_count() const {
  const std::shared_lock lock(state_->mutex);
  return state_->file->size() + state_->added.size();
}

std::optional<std::uint32_t> IndexCache::find_pack(const Sha256& name) const {
  const std::unique_lock lock(state_->mutex);
  const State& state = *state_;
  if (const auto at = state.added_names.find(name); at != state.added_names.end()) {
    return at->second;
  }
  if (state.by_name.empty() && state.file_packs() > 0) {
    for (std::uint32_t i = 0; i < state.file_packs(); ++i) state.by_name.push_back(i);
    std::ranges::sort(state.by_name, {}, [&](std::uint32_t i) { return state.file->pack_name(i); });
  }
  const auto at = std::ranges::lower_bound(
      state.by_name, name, {}, [&](std::uint32_t i) { return state.file->pack_name(i); });
  if (at == state.by_name.end() || state.file->pack_name(*at) != name) return std::nullopt;
  return *at;
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
  for (std::uint64_t at = 0; at < state_->file->size(); ++at) {
    const IndexRecord record = state_->file->record(at);
    if (state_->is_forgotten(record.pack)) continue;
    use(record.id, {record.pack, record.number, record.entry()});
  }
  for (const auto& [id, location] : state_->added) {
    if (!state_->is_forgotten(location.pack)) use(id, location);
  }
}

void IndexCache::add(const pack::PackInfo& pack) {
  const std::unique_lock lock(state_->mutex);
  const auto number = static_cast<std::uint32_t>(state_->file_packs() + state_->added_packs.size());
  // What was gone and is stored again counts again.
  state_->forgotten.erase(pack.name);
  if (!state_->added_names.try_emplace(pack.name, number).second) return;
  pack::PackInfo alone = pack;
  alone.blobs = {};
  state_->added_packs.push_back(std::move(alone));
  for (std::uint32_t i = 0; i < pack.blobs.size(); ++i) {
    state_->added.emplace(pack.blobs[i].id, BlobLocation{number, i, pack.blobs[i]});
  }
}

void IndexCache::forget(const Sha256& pack) {
  const std::unique_lock lock(state_->mutex);
  state_->forgotten.insert(pack);
}

const std::vector<ObjectInfo>& IndexCache::index_objects() const {
  return state_->gathered.included;
}
const std::vector<ObjectInfo>& IndexCache::superseded() const {
  return state_->gathered.superseded;
}
const std::vector<IndexCache::Fault>& IndexCache::faults() const {
  return state_->gathered.faults;
}

}  // namespace obhut::vault
