#pragma once
// What the heads of a local vault need, also those that cannot be read any more.

#include <optional>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/vault/vault.h"

namespace obhut::maintain {

/// A head whose bytes are damaged: what its point needs is not known.
struct DamagedHead {
  Sha256 id;
  std::string message;
  /// The head after it names it, and so tells its place in the chain.
  const vault::Point* successor = nullptr;
};

/// In: a chain of `vault`. Heads that were dropped before are left out: they need nothing.
std::vector<DamagedHead> damaged_heads(const vault::Vault& vault, const vault::HeadChain& chain);

/// True where the rules would drop the point whatever its time was: the kept point before it goes
/// (it is in `dropped`, ascending), and no lock reaches to the one after it. In: `locked_since` of
/// the rules.
bool is_surely_dropped(const DamagedHead& head, const vault::HeadChain& chain,
                       std::span<const Sha256> dropped, const std::optional<Instant>& locked_since);

struct Needs {
  model::ReferenceSet objects;  ///< of the readable heads, with what replaced them
  model::ReferenceSet named;    ///< as these heads name them
  /// What a damaged head may need beside: nobody may touch it.
  std::set<Sha256> for_damaged;
  bool every_pack = false;  ///< it may need any
  /// All that the store has.
  std::vector<store::ObjectInfo> packs;

  [[nodiscard]] bool needs(const model::ObjectName& name) const;
};

/// What stays when the heads in `dropped` (ascending) go. Of a kept head that builds upon one that
/// is gone, or that names a pack that is gone (it was lost, or what says what replaced it), the
/// tree is walked. Where a key object cannot be read, which may say what replaced a pack, all stay.
/// Errors: those of the store of the retrying kinds; kCancelled; those of IndexCache::intact.
Result<Needs> find_needs(vault::Vault& vault, const vault::HeadChain& chain,
                         std::span<const Sha256> dropped, const vault::IndexCache& index,
                         const std::stop_token& stop);

}  // namespace obhut::maintain
