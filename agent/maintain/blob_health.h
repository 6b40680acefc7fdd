#pragma once
// Which stored blobs are good: what the store lists, and, where asked for, what reading all of it
// showed.

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <unordered_map>
#include <vector>

#include "agent/base/result.h"
#include "agent/model/head.h"
#include "agent/model/job_progress.h"
#include "agent/vault/blob_reader.h"
#include "agent/vault/index_cache.h"
#include "agent/vault/vault.h"

namespace obhut::maintain {

/// What a check or a repair is at.
enum class CheckPhase : std::uint8_t {
  kPreparing,  ///< heads, index, lists
  kReading,    ///< every pack is read
  kPoints,     ///< every point is walked
  kDone,
};

/// Sums so far. Thread: any.
struct ReadProgress {
  std::atomic<CheckPhase> phase{CheckPhase::kPreparing};
  std::atomic<std::uint64_t> packs{0};
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> total_packs{0};
  std::atomic<std::uint64_t> total_bytes{0};  ///< of the packs
  std::atomic<std::uint64_t> points{0};       ///< walked
  std::atomic<std::uint64_t> total_points{0};
  std::atomic<std::uint64_t> files{0};  ///< of the points; what they share counts once
  std::atomic<std::uint64_t> errors{0};
};

/// In the words of every job. In: "check" or "repair".
model::JobProgress job_progress(const ReadProgress& at, const char* job);

/// Thread: the marking calls any; the rest one.
class BlobHealth {
 public:
  explicit BlobHealth(const vault::IndexCache& index) : index_(index) {}

  void mark_pack_bad(std::uint32_t pack);
  void mark_blob_bad(std::uint32_t pack, std::uint32_t number);

  /// A good copy in one of `packs` (null: anywhere), and the number of its pack.
  [[nodiscard]] std::optional<vault::BlobLocation> good_copy(
      const BlobId& id, const std::vector<bool>* packs = nullptr) const;

 private:
  [[nodiscard]] bool is_good(const vault::BlobLocation& location) const;
  const vault::IndexCache& index_;
  mutable std::mutex mutex_;
  std::set<std::uint32_t> bad_packs_;
  std::set<std::pair<std::uint32_t, std::uint32_t>> bad_blobs_;
};

/// Calls `use` for each listed pack on `workers` threads.
/// Errors: the first that `use` returns; kCancelled.
using UsePack = std::function<Result<void>(const store::ObjectInfo&)>;
Result<void> for_each_pack(const std::vector<store::ObjectInfo>& packs, unsigned workers,
                           const UsePack& use, const std::stop_token& stop);

/// A pack as far as it can be read: where its hash or its footer is wrong, `damage` says so, and
/// each blob still proves itself.
struct ReadPack {
  vault::WholePack pack;
  std::optional<Error> damage;
};
/// In: `known`, what an index says of it (null: nothing), for packs whose footer is damaged.
/// Errors: those of Store::get; the damage where nothing can be told of the blobs.
Result<ReadPack> read_damaged_pack(vault::Vault& vault, const store::ObjectInfo& object,
                                   const pack::PackInfo* known, const std::stop_token& stop);

/// Packs by what an index says of them, each blob at its number.
using KnownPacks = std::unordered_map<Sha256, pack::PackInfo, IdHash>;

/// Calls `use` with parts of `packs` and what the index says of those: of some ten thousand packs
/// at once, since a record of each blob in memory would be gigabytes. What no index names comes
/// last. The index is read once a part. Errors: those of `use`.
using UseKnownPacks =
    std::function<Result<void>(const std::vector<store::ObjectInfo>& packs, const KnownPacks&)>;
Result<void> for_each_part(const vault::IndexCache& index,
                           const std::vector<store::ObjectInfo>& packs, std::uint64_t blobs_at_once,
                           const UseKnownPacks& use);
/// 28 MB of records.
inline constexpr std::uint64_t kBlobsAtOnce = 500'000;

}  // namespace obhut::maintain
