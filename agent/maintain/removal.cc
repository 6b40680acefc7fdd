#include "agent/maintain/removal.h"

#include <memory>
#include <vector>

namespace obhut::maintain {
namespace {

struct Unneeded {
  std::vector<model::ObjectName> objects;
  std::uint64_t packs = 0;
  std::uint64_t bytes = 0;
};

// Index objects first: a pack that is in no index is adopted or removed, an index of packs that
// are gone is only useless.
Unneeded list_unneeded(const vault::IndexCache& index, const Needs& needs) {
  Unneeded unneeded;
  const auto take = [&](const store::ObjectInfo& object) {
    if (needs.needs(object.name)) return false;
    unneeded.objects.push_back(object.name);
    unneeded.bytes += object.size;
    return true;
  };
  for (const store::ObjectInfo& object : index.superseded()) take(object);
  for (const store::ObjectInfo& pack : needs.packs) unneeded.packs += take(pack) ? 1 : 0;
  return unneeded;
}

}  // namespace

Result<RemovalReport> count_unneeded(vault::Vault& vault, const vault::HeadChain& chain,
                                     std::span<const Sha256> dropped,
                                     const vault::IndexCache& index, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const Needs needs, find_needs(vault, chain, dropped, index, stop));
  const Unneeded unneeded = list_unneeded(index, needs);
  RemovalReport report;
  report.packs = unneeded.packs;
  report.index_objects = unneeded.objects.size() - unneeded.packs;
  report.bytes = unneeded.bytes;
  return report;
}

Result<bool> remove_unneeded(vault::Vault& vault, store::Reaper& reaper,
                             const vault::IndexCache& index, RemovalReport& report,
                             const std::stop_token& stop) {
  report.waiting_packs = 0;
  report.waiting_bytes = 0;
  const Result<std::unique_ptr<store::Quiet>> quiet = reaper.quiet(stop);
  if (!quiet && quiet.error().kind != ErrorKind::kConflict) return std::unexpected(quiet.error());
  ASSIGN_OR_RETURN(const vault::HeadChain chain, vault.heads(stop));
  ASSIGN_OR_RETURN(const Needs needs, find_needs(vault, chain, {}, index, stop));
  const Unneeded unneeded = list_unneeded(index, needs);
  if (!quiet) {
    report.waiting_packs = unneeded.packs;
    report.waiting_bytes = unneeded.bytes;
    return false;
  }
  TRY(vault.sweep_heads(reaper, stop));
  TRY(reaper.remove_all(unneeded.objects, stop));
  report.packs += unneeded.packs;
  report.index_objects += unneeded.objects.size() - unneeded.packs;
  report.bytes += unneeded.bytes;
  // What damaged heads name is not known: for them every statement stays.
  const bool known = !needs.every_pack && needs.for_damaged.empty();
  if (known) TRY(vault.sweep_replacements(reaper, needs.named, stop));
  return true;
}

}  // namespace obhut::maintain
