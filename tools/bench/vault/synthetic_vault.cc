#include "tools/bench/vault/synthetic_vault.h"

#include <algorithm>

#include "agent/base/log.h"
#include "agent/pack/pack_index.h"
#include "agent/pipeline/backup_job.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"

namespace obhut::bench {
namespace {

/// As a run writes them: backup_job.cc.
constexpr std::uint64_t kBlobsPerIndex = 100'000;
constexpr unsigned kSourceFiles = 300;

vault::KeySource key() {
  return vault::MachineSecret{crypto::SecretBytes(Bytes(32, 7))};
}

Result<void> write_source(const std::string& folder) {
  TRY(platform::make_directories(folder));
  for (unsigned number = 0; number < kSourceFiles; ++number) {
    const std::string name = "file-" + std::to_string(number);
    TRY(platform::write_file(platform::join(folder, name), as_bytes("content of " + name)));
  }
  return {};
}

Result<std::vector<store::ObjectInfo>> put_indexes(vault::Vault& vault, const GhostPacks& ghosts) {
  std::vector<store::ObjectInfo> objects;
  pack::IndexObject index;
  std::uint64_t blobs = 0;
  for (std::uint64_t number = 0; number < ghosts.packs; ++number) {
    index.packs.push_back(ghosts.pack(number));
    blobs += index.packs.back().blobs.size();
    if (blobs < kBlobsPerIndex && number + 1 < ghosts.packs) continue;
    ASSIGN_OR_RETURN(const Bytes sealed, pack::seal_index(vault.keyring(), index));
    ASSIGN_OR_RETURN(const store::ObjectName name,
                     store::put_named(vault.store(), model::ObjectKind::kIndex, sealed, {}));
    objects.push_back({name, sealed.size()});
    index = {};
    blobs = 0;
  }
  return objects;
}

/// Each point has all of the one before and, as a night adds them, one more pack.
Result<void> commit_points(vault::Vault& vault, const pipeline::BackupReport& real,
                           const std::vector<store::ObjectInfo>& indexes, const VaultShape& shape) {
  const vault::Vault::Writer writer = *vault.standalone_writer();
  ASSIGN_OR_RETURN(vault::HeadChain chain, vault.heads({}));
  vault::Vault::HeadDraft draft;
  draft.summary = real.summary;
  for (const model::Reference& reference : real.point.head.added) {
    draft.references[reference.name] = reference.size;
  }
  for (const store::ObjectInfo& object : indexes) draft.references[object.name] = object.size;
  const std::uint64_t first = shape.ghosts.packs - shape.points;
  for (std::uint64_t number = 0; number < shape.ghosts.packs; ++number) {
    draft.references[{model::ObjectKind::kPack, GhostPacks::name(number)}] = GhostPacks::size();
    if (number < first) continue;
    draft.created = real.point.head.created + std::chrono::hours(number - first + 1);
    ASSIGN_OR_RETURN(vault::Point point, vault.commit(writer, chain, draft, {}));
    chain.points.push_back(std::move(point));
  }
  return {};
}

}  // namespace

Result<void> build_vault(const std::string& folder, const VaultShape& shape) {
  const std::string source = platform::join(folder, "source");
  TRY(write_source(source));
  ASSIGN_OR_RETURN(const auto disk, store::LocalStore::create(platform::join(folder, "vault")));
  SystemClock clock;
  ASSIGN_OR_RETURN(const auto vault, vault::Vault::create_standalone(*disk, key(), clock, {}));
  pipeline::BackupOptions options;
  options.sources = {source};
  options.host = "bench";
  const Log log = Log::silent();
  pipeline::BackupJob job(*vault, clock, log, std::move(options));
  ASSIGN_OR_RETURN(const pipeline::BackupReport real, job.run({}));
  ASSIGN_OR_RETURN(const std::vector<store::ObjectInfo> indexes, put_indexes(*vault, shape.ghosts));
  return commit_points(*vault, real, indexes, shape);
}

Result<OpenVault> open_vault(const std::string& folder, const VaultShape& shape) {
  OpenVault open;
  ASSIGN_OR_RETURN(open.disk, store::LocalStore::open(platform::join(folder, "vault")));
  open.store = std::make_unique<GhostStore>(*open.disk, shape.ghosts);
  ASSIGN_OR_RETURN(open.vault, vault::Vault::open(*open.store, key(), {}));
  return open;
}

}  // namespace obhut::bench
