// What a vault that prunes itself remembers and forgets: drop lists and replacement lists.

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "agent/base/codec.h"
#include "agent/seal/envelope.h"
#include "agent/vault/vault.h"

namespace obhut::vault {
namespace {

using model::ObjectKind;
using store::ObjectName;

constexpr std::uint8_t kDropListVersion = 1;

Bytes encode_drop_list(const std::vector<Sha256>& heads) {
  Writer out;
  out.u8(kDropListVersion);
  out.varint(heads.size());
  for (const Sha256& head : heads) out.id(head);
  return std::move(out).take();
}

Result<std::vector<Sha256>> parse_drop_list(ByteView plain) {
  Reader in(plain);
  if (in.u8() != kDropListVersion) return fail(ErrorKind::kCorrupt, "drop list: unknown version");
  std::vector<Sha256> heads(in.count(Sha256::kSize));
  for (Sha256& head : heads) head = in.id<Sha256>();
  TRY(in.finish("drop list"));
  return heads;
}

}  // namespace

bool Vault::take_drop_list(const Sha256& object, ByteView bytes) {
  const Result<Bytes> plain = seal::open_envelope(keyring_, seal::SealedKind::kDropped, {}, bytes);
  if (!plain) return false;
  const Result<std::vector<Sha256>> heads = parse_drop_list(*plain);
  if (!heads) return false;
  drop_lists_.push_back({ObjectKind::kKey, object});
  dropped_.insert(dropped_.end(), heads->begin(), heads->end());
  std::ranges::sort(dropped_);
  dropped_.erase(std::ranges::unique(dropped_).begin(), dropped_.end());
  return true;
}

bool Vault::take_replacements(const Sha256& object, ByteView bytes) {
  const Result<Bytes> plain = seal::open_envelope(keyring_, seal::SealedKind::kReplaced, {}, bytes);
  if (!plain) return false;
  Result<std::vector<Replacement>> listed = parse_replacements(*plain);
  if (!listed) return false;
  replacement_lists_.push_back({ObjectKind::kKey, object});
  replacements_.add(std::move(*listed));
  return true;
}

Result<void> Vault::put_drop_list(std::stop_token stop) {
  ASSIGN_OR_RETURN(const Bytes sealed, seal::seal_envelope(keyring_, seal::SealedKind::kDropped, {},
                                                           encode_drop_list(dropped_)));
  ASSIGN_OR_RETURN(const ObjectName name, store::put_named(store_, ObjectKind::kKey, sealed, stop));
  drop_lists_.push_back(name);
  return {};
}

Result<void> Vault::mark_dropped(std::span<const Sha256> heads, std::stop_token stop) {
  const std::size_t before = dropped_.size();
  std::set<Sha256> all(dropped_.begin(), dropped_.end());
  all.insert(heads.begin(), heads.end());
  if (all.size() == before) return {};
  const std::vector<Sha256> old = std::exchange(dropped_, {all.begin(), all.end()});
  if (Result<void> done = put_drop_list(stop); !done) {
    dropped_ = old;
    return done;
  }
  return {};
}

bool Vault::is_dropped(const Sha256& head) const {
  return std::ranges::binary_search(dropped_, head);
}

Result<std::size_t> Vault::sweep_heads(store::Reaper& reaper, std::stop_token stop) {
  ASSIGN_OR_RETURN(const HeadChain chain, heads(stop));
  const std::vector<Sha256> needed = heads_needed(chain);
  std::size_t removed = 0;
  std::vector<Sha256> still_dropped;
  for (const Point& point : chain.points) {
    if (!point.dropped) continue;
    if (std::ranges::binary_search(needed, point.id)) {
      still_dropped.push_back(point.id);
      continue;
    }
    TRY(reaper.remove({ObjectKind::kHead, point.id}, stop));
    ++removed;
  }
  for (const ChainFault& fault : chain.faults) {
    if (fault.kind != ChainFault::Kind::kUnreadable || !is_dropped(fault.head)) continue;
    TRY(reaper.remove({ObjectKind::kHead, fault.head}, stop));
    ++removed;
  }
  // The new list first, the old ones after: in between both say the same of what is left.
  std::ranges::sort(still_dropped);
  const bool shrunk = still_dropped != dropped_;
  if (!shrunk && drop_lists_.size() <= 1) return removed;
  const std::vector<ObjectName> old_lists = std::exchange(drop_lists_, {});
  dropped_ = std::move(still_dropped);
  if (!dropped_.empty()) TRY(put_drop_list(stop));
  for (const ObjectName& list : old_lists) TRY(reaper.remove(list, stop));
  return removed;
}

Result<void> Vault::add_replacements(std::vector<Replacement> replacements, std::stop_token stop) {
  if (replacements.empty()) return {};
  ASSIGN_OR_RETURN(const Bytes sealed, seal::seal_envelope(keyring_, seal::SealedKind::kReplaced,
                                                           {}, encode_replacements(replacements)));
  ASSIGN_OR_RETURN(const ObjectName name, store::put_named(store_, ObjectKind::kKey, sealed, stop));
  replacement_lists_.push_back(name);
  replacements_.add(std::move(replacements));
  return {};
}

Result<void> Vault::sweep_replacements(store::Reaper& reaper, const model::ReferenceSet& named,
                                       std::stop_token stop) {
  std::vector<ObjectName> open;
  open.reserve(named.size());
  for (const auto& [name, size] : named) open.push_back(name);
  std::map<ObjectName, Replacement> useful;
  while (!open.empty()) {
    const auto at = replacements_.all().find(open.back());
    open.pop_back();
    if (at == replacements_.all().end() || !useful.insert(*at).second) continue;
    for (const model::Reference& object : at->second.by) open.push_back(object.name);
  }
  const bool shrunk = useful.size() != replacements_.all().size();
  if (!shrunk && replacement_lists_.size() <= 1) return {};
  const std::vector<ObjectName> old_lists = std::exchange(replacement_lists_, {});
  replacements_ = {};
  std::vector<Replacement> left;
  left.reserve(useful.size());
  for (auto& [old, replacement] : useful) left.push_back(std::move(replacement));
  TRY(add_replacements(std::move(left), stop));
  return reaper.remove_all(old_lists, stop);
}

}  // namespace obhut::vault
