#include "service/endpoint/cluster_store.h"

#include "agent/store/retrying_store.h"
#include "agent/wire/http_store.h"

namespace obhut::endpoint {

namespace {

unsigned attempts(ClusterStore::Patience patience) {
  return patience == ClusterStore::Patience::kBackground ? 8 : 3;
}

}  // namespace

struct ClusterStore::Layers {
  Layers(const ClusterParts& parts, wire::HeadMemory& memory, const wire::HttpStore::Place& place,
         Patience patience)
      : http(parts.control, parts.transport, memory, parts.uploads, place),
        retrying(http, parts.clock, {}, attempts(patience)) {}
  wire::HttpStore http;
  store::RetryingStore retrying;
};

ClusterStore::ClusterStore(std::unique_ptr<Layers> layers) : layers_(std::move(layers)) {}
ClusterStore::~ClusterStore() = default;
store::Store& ClusterStore::store() {
  return layers_->retrying;
}

Result<std::unique_ptr<ClusterStore>> ClusterStore::open(const ClusterParts& parts,
                                                         const VaultId& vault, Patience patience) {
  ASSIGN_OR_RETURN(HeadFile * memory, parts.heads.of(vault));
  const wire::HttpStore::Place place{vault, parts.identity.device,
                                     parts.keeper.writer().key.public_key(),
                                     parts.identity.cluster_key};
  return std::unique_ptr<ClusterStore>(
      new ClusterStore(std::make_unique<Layers>(parts, *memory, place, patience)));
}

Result<std::unique_ptr<ClusterStore>> ClusterStore::open_own(const ClusterParts& parts,
                                                             Patience patience) {
  ASSIGN_OR_RETURN(const VaultId vault, parts.keeper.cluster_vault());
  return open(parts, vault, patience);
}

}  // namespace obhut::endpoint
