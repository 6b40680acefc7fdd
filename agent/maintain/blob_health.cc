#include "agent/maintain/blob_health.h"

#include <algorithm>
#include <thread>

#include "agent/pack/pack_reader.h"
#include "platform/priority.h"

namespace obhut::maintain {

model::JobProgress job_progress(const ReadProgress& at, const char* job) {
  model::JobProgress out;
  out.job = job;
  out.read_bytes = at.bytes;
  out.errors = at.errors;
  switch (at.phase.load()) {
    case CheckPhase::kPreparing:
      out.phase = "preparing";
      break;
    case CheckPhase::kReading:
      out.phase = "reading";
      out.packs_done = at.packs;
      out.packs_total = at.total_packs;
      out.totals = model::TotalsKind::kExact;
      out.bytes_done = at.bytes;
      out.bytes_total = std::max(at.total_bytes.load(), out.bytes_done);
      break;
    case CheckPhase::kPoints:
    case CheckPhase::kDone:
      // How many files the points hold that no other point shares shows only on the way.
      out.phase = at.phase == CheckPhase::kDone ? model::kDonePhase : "points";
      out.points_done = at.points;
      out.points_total = at.total_points;
      out.files_done = at.files;
      break;
  }
  return out;
}

void BlobHealth::mark_pack_bad(std::uint32_t pack) {
  const std::scoped_lock lock(mutex_);
  bad_packs_.insert(pack);
}

void BlobHealth::mark_blob_bad(std::uint32_t pack, std::uint32_t number) {
  const std::scoped_lock lock(mutex_);
  bad_blobs_.emplace(pack, number);
}

bool BlobHealth::is_good(const vault::BlobLocation& location) const {
  const std::scoped_lock lock(mutex_);
  return !bad_packs_.contains(location.pack) &&
         !bad_blobs_.contains({location.pack, location.number});
}

std::optional<vault::BlobLocation> BlobHealth::good_copy(const BlobId& id,
                                                         const std::vector<bool>* packs) const {
  const auto usable = [&](const vault::BlobLocation& location) {
    const bool wanted =
        packs == nullptr || (location.pack < packs->size() && (*packs)[location.pack]);
    return wanted && is_good(location);
  };
  // One copy is the rule; the others are looked for only where it will not do.
  const std::optional<vault::BlobLocation> first = index_.find(id);
  if (!first || usable(*first)) return first;
  for (const vault::BlobLocation& other : index_.find_all(id)) {
    if (usable(other)) return other;
  }
  return std::nullopt;
}

Result<void> for_each_pack(const std::vector<store::ObjectInfo>& packs, unsigned workers,
                           const UsePack& use, const std::stop_token& stop) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::optional<Error> first;
  const auto work = [&] {
    for (std::size_t i = next++; i < packs.size(); i = next++) {
      Result<void> used =
          stop.stop_requested() ? fail(ErrorKind::kCancelled, "read packs") : use(packs[i]);
      if (used) continue;
      const std::scoped_lock lock(mutex);
      if (!first) first = std::move(used).error();
      next = packs.size();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 1; i < workers; ++i) threads.emplace_back(platform::giving_way_too(work));
    work();
  }
  if (first) return std::unexpected(std::move(*first));
  return {};
}

Result<ReadPack> read_damaged_pack(vault::Vault& vault, const store::ObjectInfo& object,
                                   const pack::PackInfo* known, const std::stop_token& stop) {
  auto whole = vault::read_whole_pack(vault.store(), vault.keyring(), object.name.hash, stop);
  if (whole) return ReadPack{std::move(*whole), std::nullopt};
  if (disposition_of(whole.error().kind) != Disposition::kStopJob) {
    return std::unexpected(std::move(whole).error());
  }
  Error damage = std::move(whole).error();
  if (object.size > pack::kMaxPackSize) return std::unexpected(std::move(damage));
  ASSIGN_OR_RETURN(Bytes bytes, vault.store().get(object.name, {0, object.size}, stop));
  const auto fetch = [&](ByteRange range) -> Result<Bytes> {
    if (range.offset > bytes.size() || range.length > bytes.size() - range.offset) {
      return fail(ErrorKind::kCorrupt, "the pack is shorter than it says");
    }
    return to_bytes(ByteView(bytes).subspan(range.offset, range.length));
  };
  auto info = pack::read_pack_info(vault.keyring(), object.name.hash, object.size, fetch);
  if (!info) {
    if (known == nullptr || known->size != bytes.size()) return std::unexpected(std::move(damage));
    info = *known;
  }
  return ReadPack{{std::move(*info), std::move(bytes)}, std::move(damage)};
}

namespace {

/// What the index says of the packs numbered [begin, end).
KnownPacks known_packs(const vault::IndexCache& index, std::uint32_t begin, std::uint32_t end) {
  std::vector<pack::PackInfo> packs;
  packs.reserve(end - begin);
  for (std::uint32_t number = begin; number < end; ++number) packs.push_back(index.pack(number));
  index.for_each_blob([&](const BlobId&, const vault::BlobLocation& location) {
    if (location.pack < begin || location.pack >= end) return;
    std::vector<pack::BlobEntry>& blobs = packs[location.pack - begin].blobs;
    // By number: a blob's nonce is its place in the list.
    if (blobs.size() <= location.number) blobs.resize(location.number + 1);
    blobs[location.number] = location.entry;
  });
  KnownPacks known;
  known.reserve(packs.size());
  for (pack::PackInfo& pack : packs) {
    const Sha256 name = pack.name;
    known.emplace(name, std::move(pack));
  }
  return known;
}

std::vector<std::uint32_t> blob_counts(const vault::IndexCache& index) {
  std::vector<std::uint32_t> counts(index.pack_count(), 0);
  index.for_each_blob([&](const BlobId&, const vault::BlobLocation& location) {
    counts[location.pack] = std::max(counts[location.pack], location.number + 1);
  });
  return counts;
}

}  // namespace

Result<void> for_each_part(const vault::IndexCache& index,
                           const std::vector<store::ObjectInfo>& packs, std::uint64_t blobs_at_once,
                           const UseKnownPacks& use) {
  const std::vector<std::uint32_t> counts = blob_counts(index);
  // The listed packs in the order of their numbers, the unknown ones behind.
  const auto none = static_cast<std::uint32_t>(counts.size());
  std::vector<std::pair<std::uint32_t, std::uint32_t>> order;
  order.reserve(packs.size());
  for (std::uint32_t i = 0; i < packs.size(); ++i) {
    order.emplace_back(index.find_pack(packs[i].name.hash).value_or(none), i);
  }
  std::ranges::sort(order);
  std::size_t at = 0;
  for (std::uint32_t begin = 0; begin < none || at < order.size();) {
    std::uint64_t blobs = 0;
    std::uint32_t end = begin;
    while (end < none && (end == begin || blobs + counts[end] <= blobs_at_once)) {
      blobs += counts[end++];
    }
    std::vector<store::ObjectInfo> part;
    while (at < order.size() && (order[at].first < end || end == none)) {
      part.push_back(packs[order[at++].second]);
    }
    if (!part.empty()) TRY(use(part, known_packs(index, begin, end)));
    begin = end;
  }
  return index.intact();
}

}  // namespace obhut::maintain
