#include "agent/maintain/needs.h"

#include <algorithm>

#include "agent/maintain/live_blobs.h"
#include "agent/pack/pack_index.h"

namespace obhut::maintain {
namespace {

constexpr std::uint64_t kMaxIndexSize = 128U << 20U;

bool ends_run(const Error& error) {
  return disposition_of(error.kind) == Disposition::kRetry || error.kind == ErrorKind::kCancelled;
}

class NeedSearch {
 public:
  NeedSearch(vault::Vault& vault, const vault::HeadChain& chain, const vault::IndexCache& index,
             std::vector<store::ObjectInfo> packs, const std::stop_token& stop)
      : vault_(vault), index_(index), stop_(stop), walk_(chain) {
    needs_.packs = std::move(packs);
    needs_.every_pack = !vault.key_faults().empty();
  }

  Result<void> add(const vault::Point& point) {
    const auto named = walk_.at(point);
    if (!named) return add_by_walking(point);
    needs_.named.insert((*named)->begin(), (*named)->end());
    const model::ReferenceSet needed = vault_.replacements().resolve(**named, point.head.sequence);
    needs_.objects.insert(needed.begin(), needed.end());
    const bool whole = std::ranges::all_of(needed, [&](const auto& object) {
      return object.first.kind != model::ObjectKind::kPack || is_there(object.first);
    });
    return whole ? Result<void>{} : add_by_walking(point);
  }

  // All that the damaged head names was in the index when the head after it was made, which names
  // every index object of its time: what came into the index later is none of its.
  Result<void> add(const DamagedHead& head) {
    const auto named =
        head.successor != nullptr
            ? walk_.at(*head.successor)
            : Result<const model::ReferenceSet*>(fail(ErrorKind::kNotFound, "no head follows it"));
    if (!named) {
      needs_.every_pack = true;
      return {};
    }
    const model::ReferenceSet known =
        vault_.replacements().resolve(**named, head.successor->head.sequence);
    for (const auto& [name, size] : known) {
      if (name.kind == model::ObjectKind::kPack) {
        needs_.for_damaged.insert(name.hash);
      } else {
        TRY(add_packs_of(name));
      }
    }
    return {};
  }

  Needs take() { return std::move(needs_); }

 private:
  // Ascending by name, as Store::list says.
  [[nodiscard]] bool is_there(const model::ObjectName& name) const {
    return std::ranges::binary_search(needs_.packs, name, {}, &store::ObjectInfo::name);
  }

  Result<void> add_packs_of(const model::ObjectName& name) {
    const Result<Bytes> bytes = store::get_whole(vault_.store(), name, kMaxIndexSize, stop_);
    const auto object = bytes ? pack::open_index(vault_.keyring(), *bytes)
                              : Result<pack::IndexObject>(std::unexpected(bytes.error()));
    if (object) {
      for (const pack::PackInfo& pack : object->packs) needs_.for_damaged.insert(pack.name);
      return {};
    }
    if (ends_run(object.error())) return std::unexpected(object.error());
    needs_.every_pack = true;
    return {};
  }

  Result<void> add_by_walking(const vault::Point& point) {
    for (const model::Reference& added : point.head.added) {
      needs_.objects.emplace(added.name, added.size);
    }
    const Result<model::Summary> summary = vault_.summary(point);
    if (!summary) {
      needs_.every_pack = true;
      return {};
    }
    LiveBlobs live(index_);
    TRY(index_.intact());
    vault::BlobReader reader(vault_.store(), vault_.keyring(), index_, {.alignment = 1});
    ASSIGN_OR_RETURN(const std::optional<UnreadPart> unread,
                     mark_tree(reader, live, summary->root, stop_));
    TRY(index_.intact());
    if (unread) needs_.every_pack = true;
    for (std::uint32_t number = 0; number < index_.pack_count(); ++number) {
      if (live.live_bytes(number) > 0) needs_.for_damaged.insert(index_.pack(number).name);
    }
    return {};
  }

  vault::Vault& vault_;
  const vault::IndexCache& index_;
  const std::stop_token& stop_;
  vault::ReferenceWalk walk_;
  Needs needs_;
};

}  // namespace

std::vector<DamagedHead> damaged_heads(const vault::Vault& vault, const vault::HeadChain& chain) {
  std::vector<DamagedHead> damaged;
  for (const vault::ChainFault& fault : chain.faults) {
    // Forged heads are signed by nobody of this vault: they need nothing. Those of a fork and those
    // that do not follow the one before can be read.
    if (fault.kind != vault::ChainFault::Kind::kUnreadable) continue;
    if (vault.is_dropped(fault.head)) continue;
    const auto successor = std::ranges::find_if(
        chain.points, [&](const vault::Point& point) { return point.head.previous == fault.head; });
    damaged.push_back(
        {fault.head, fault.message, successor == chain.points.end() ? nullptr : &*successor});
  }
  return damaged;
}

bool is_surely_dropped(const DamagedHead& head, const vault::HeadChain& chain,
                       std::span<const Sha256> dropped,
                       const std::optional<Instant>& locked_since) {
  if (head.successor == nullptr) return false;
  if (locked_since && head.successor->head.created >= *locked_since) return false;
  // Each rule keeps the newest of some periods. Where the point before the damaged one is kept by
  // none, there are enough periods after it, or a newer point of its own.
  const vault::Point* before = nullptr;
  for (const vault::Point& point : chain.points) {
    if (point.head.sequence + 1 >= head.successor->head.sequence) break;
    if (!point.dropped) before = &point;
  }
  return before != nullptr && std::ranges::binary_search(dropped, before->id);
}

bool Needs::needs(const model::ObjectName& name) const {
  if (objects.contains(name)) return true;
  if (name.kind != model::ObjectKind::kPack) return false;
  return every_pack || for_damaged.contains(name.hash);
}

Result<Needs> find_needs(vault::Vault& vault, const vault::HeadChain& chain,
                         std::span<const Sha256> dropped, const vault::IndexCache& index,
                         const std::stop_token& stop) {
  ASSIGN_OR_RETURN(std::vector<store::ObjectInfo> packs,
                   vault.store().list(model::ObjectKind::kPack, stop));
  NeedSearch search(vault, chain, index, std::move(packs), stop);
  const auto goes = [&](const Sha256& head) { return std::ranges::binary_search(dropped, head); };
  for (const vault::Point* point : chain.kept()) {
    if (!goes(point->id)) TRY(search.add(*point));
  }
  for (const DamagedHead& head : damaged_heads(vault, chain)) {
    if (!goes(head.id)) TRY(search.add(head));
  }
  return search.take();
}

}  // namespace obhut::maintain
