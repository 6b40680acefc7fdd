#include "agent/vault/index_update.h"

#include <algorithm>
#include <map>
#include <set>

#include "agent/pack/pack_index.h"
#include "agent/vault/index_builder.h"
#include "platform/local_files.h"

namespace obhut::vault {
namespace {

using store::ObjectInfo;

constexpr std::uint64_t kMaxIndexObject = 128U << 20U;

bool is_retried(const Error& error) {
  const Disposition disposition = disposition_of(error.kind);
  return disposition == Disposition::kRetry || disposition == Disposition::kStopQuiet;
}

/// Reads index objects and remembers the damaged ones, so that none is asked for twice.
class Gatherer {
 public:
  Gatherer(store::Store& store, const seal::Keyring& keyring, std::stop_token stop)
      : store_(store), keyring_(keyring), stop_(std::move(stop)) {}

  /// Nothing where the object is damaged: noted as a fault.
  void expect(const std::vector<ObjectInfo>& objects) { store::expect_all(store_, objects); }
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
    if (is_retried(error)) return std::unexpected(std::move(error));
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

/// One attempt to build `path` from `base` (may be null) and the objects that it lacks.
/// Out: false where a superseded object was added: `skip` names it now, and the caller tries again.
Result<bool> build(Gatherer& gatherer, const IndexFile* base, const std::vector<ObjectInfo>& listed,
                   std::set<Sha256>& skip, const std::string& work, const std::string& path,
                   const seal::Keyring& keyring) {
  IndexFileBuilder builder(work, keyring);
  std::vector<ObjectInfo> included;
  if (base != nullptr) {
    TRY(builder.start_from(*base));
    included = base->included();
    for (const ObjectInfo& object : base->superseded()) skip.insert(object.name.hash);
  }
  std::set<Sha256> done;
  for (const ObjectInfo& object : included) done.insert(object.name.hash);
  std::vector<ObjectInfo> missing;
  for (const ObjectInfo& object : listed) {
    if (!done.contains(object.name.hash) && !skip.contains(object.name.hash)) {
      missing.push_back(object);
    }
  }
  gatherer.expect(missing);
  bool wasted = false;
  for (const ObjectInfo& object : missing) {
    if (skip.contains(object.name.hash)) continue;  // superseded by one that was read meanwhile
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
  TRY(builder.write(path, included, superseded));
  return true;
}

}  // namespace

Result<UpToDateIndex> update_index(store::Store& store, const seal::Keyring& keyring,
                                   const std::string& folder, std::optional<WorkFolder>& work,
                                   const std::stop_token& stop) {
  const std::string path = platform::join(folder, keyring.vault().text() + ".index");
  ASSIGN_OR_RETURN(const std::vector<ObjectInfo> listed,
                   store.list(model::ObjectKind::kIndex, stop));
  std::optional<IndexFile> file;
  // A cache that is missing, stale or damaged is no error: it is built again.
  if (Result<IndexFile> old = IndexFile::open(path, keyring)) {
    if (is_usable(*old, listed)) file.emplace(std::move(*old));
  }
  Gatherer gatherer(store, keyring, stop);
  std::set<Sha256> skip;
  while (!file || !is_complete(*file, listed)) {
    TRY(make_work_folder(work, folder));
    const Result<bool> built =
        build(gatherer, file ? &*file : nullptr, listed, skip, work->path(), path, keyring);
    const bool damaged = !built && built.error().kind == ErrorKind::kCorrupt && file;
    if (!built && !damaged) return std::unexpected(built.error());
    file.reset();
    if (damaged || !*built) continue;
    ASSIGN_OR_RETURN(IndexFile fresh, IndexFile::open(path, keyring));
    file.emplace(std::move(fresh));
    break;
  }
  return UpToDateIndex{std::move(*file), gatherer.faults()};
}

}  // namespace obhut::vault
