#pragma once
// A vault in a folder, or one in the cluster to be read, open for one command.

#include <memory>
#include <string>

#include "agent/base/result.h"
#include "agent/store/local_store.h"
#include "agent/vault/blob_reader.h"
#include "agent/vault/vault.h"
#include "tools/cli/cluster_vault.h"
#include "tools/cli/context.h"

namespace obhut::cli {

/// What all `obhut vault` commands take.
struct VaultArguments {
  std::string vault;     ///< --vault
  std::string key_file;  ///< --key-file
  std::string sheet;     ///< --sheet: both, from a recovery sheet
};

/// Store, lock and keys; let go in reverse.
struct VaultSession {
  std::unique_ptr<store::LocalStore> folder;  ///< nothing for a vault in the cluster
  std::unique_ptr<ClusterVault> cluster;      ///< nothing for one in a folder
  store::Store* store = nullptr;              ///< the one that there is
  std::unique_ptr<store::StoreLock> lock;
  std::unique_ptr<vault::Vault> vault;
  /// Of this vault on this machine: index cache and checkpoint. Empty where none can be kept.
  std::string cache_directory;
};

/// Errors: kNotFound where the folder holds no vault; kConflict where somebody works on it;
/// kRefused for a wrong key; kInvalidInput for a bad key file.
Result<VaultSession> open_vault(const Context& context, const VaultArguments& arguments,
                                store::Use use);

/// One in a folder or in the cluster, as --vault or --sheet name it. Errors: also kInvalidInput for
/// a bad sheet or place, and those of ClusterVault::open.
Result<VaultSession> open_vault_to_read(const Context& context, const VaultArguments& arguments);

/// Where IndexCache may keep its file; "" where nowhere.
std::string index_directory(const VaultSession& session);
/// A local directory needs no aligned reads; a cluster gets them, as from a device.
vault::BlobReaderLimits local_reads();
vault::BlobReaderLimits reads_of(const VaultSession& session);

}  // namespace obhut::cli
