#pragma once
// A vault whose index objects and heads tell of terabytes. A small real backup lies in it too, so
// that there is a tree to restore from and to build upon.

#include <memory>
#include <string>

#include "agent/store/local_store.h"
#include "agent/vault/vault.h"
#include "tools/bench/vault/ghost_store.h"

namespace obhut::bench {

struct VaultShape {
  GhostPacks ghosts{596'000, 10'100'000};
  std::uint64_t points = 3;
};

/// FOLDER/{vault, source, cache, target}. Errors: those of the parts.
struct OpenVault {
  std::unique_ptr<store::LocalStore> disk;
  std::unique_ptr<GhostStore> store;
  std::unique_ptr<vault::Vault> vault;
};
Result<void> build_vault(const std::string& folder, const VaultShape& shape);
Result<OpenVault> open_vault(const std::string& folder, const VaultShape& shape);

}  // namespace obhut::bench
