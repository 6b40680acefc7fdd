#include "agent/maintain/stored_bytes.h"

#include <algorithm>

#include "agent/maintain/needs.h"
#include "agent/vault/index_cache.h"

namespace obhut::maintain {

Result<std::uint64_t> stored_bytes(vault::Vault& vault, const std::string& cache_directory,
                                   const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const vault::HeadChain chain, vault.heads(stop));
  ASSIGN_OR_RETURN(
      const std::unique_ptr<vault::IndexCache> index,
      vault::IndexCache::load(vault.store(), vault.keyring(),
                              cache_directory.empty() ? "" : cache_directory + "/index", stop));
  ASSIGN_OR_RETURN(const Needs needs, find_needs(vault, chain, {}, *index, stop));
  std::uint64_t bytes = 0;
  const auto count = [&](const std::vector<store::ObjectInfo>& objects) {
    for (const store::ObjectInfo& object : objects) {
      if (needs.needs(object.name)) bytes += object.size;
    }
  };
  count(needs.packs);
  ASSIGN_OR_RETURN(const std::vector<store::ObjectInfo> indexes,
                   vault.store().list(model::ObjectKind::kIndex, stop));
  count(indexes);
  const std::vector<Sha256> heads = vault::heads_needed(chain);
  for (const vault::Point& point : chain.points) {
    if (std::ranges::find(heads, point.id) != heads.end()) bytes += point.size;
  }
  return bytes;
}

}  // namespace obhut::maintain
