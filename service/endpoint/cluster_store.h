#pragma once
// A vault in the cluster, as the endpoint reads and writes it.

#include <memory>

#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/store/store.h"
#include "service/endpoint/engine_parts.h"

namespace obhut::endpoint {

/// The cluster's vault as a store: tickets and ranges, asked again where that may help; what it
/// sends shares the plan's limit with all that this process sends. Borrows what it is made of.
class ClusterStore {
 public:
  /// Who waits: a run in the background is patient for a good minute, a person for seconds.
  enum class Patience : std::uint8_t { kBackground, kPerson };
  /// Errors: kCorrupt for what this device remembers of the vault.
  static Result<std::unique_ptr<ClusterStore>> open(const ClusterParts& parts, const VaultId& vault,
                                                    Patience patience);
  /// Of this device's own vault. Errors: also those of VaultKeeper::cluster_vault.
  static Result<std::unique_ptr<ClusterStore>> open_own(const ClusterParts& parts,
                                                        Patience patience);
  ~ClusterStore();
  [[nodiscard]] store::Store& store();

 private:
  struct Layers;
  explicit ClusterStore(std::unique_ptr<Layers> layers);
  std::unique_ptr<Layers> layers_;
};

}  // namespace obhut::endpoint
