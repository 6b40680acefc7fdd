#pragma once
// Copies what is live out of packs that are mostly dead, so that those can go.
// docs/decisions/0007-repack-by-live-bytes.md.

#include <cstdint>
#include <functional>
#include <stop_token>
#include <vector>

#include "agent/base/result.h"
#include "agent/maintain/live_blobs.h"
#include "agent/vault/vault.h"

namespace obhut::maintain {

/// How much of a pack is needed.
struct PackShare {
  std::uint32_t pack = 0;  ///< its number in the index
  std::uint64_t size = 0;  ///< bytes
  std::uint64_t live = 0;  ///< bytes of it that a copy would take; at most `size`
  friend bool operator==(const PackShare&, const PackShare&) = default;
};

struct RepackLimits {
  /// Dead bytes that are left alone, in percent of all packs: the last ones cost the most.
  unsigned tolerated = 5;
  /// Of a pack, at least this many percent must be dead: nothing is copied to gain less than a
  /// quarter of it.
  unsigned least_dead = 20;
  /// What one run copies at most: percent of all packs, but a minute's work in any case.
  unsigned most_copied = 10;
  std::uint64_t free_bytes = 256U << 20U;
  /// A run that is cut off loses at most this much of its copying.
  std::uint64_t batch = 128U << 20U;
};

struct RepackChoice {
  std::vector<PackShare> packs;  ///< those first that free the most for each byte copied
  bool complete = true;          ///< nothing is left for the next run
};
/// The packs worth copying. Pure.
RepackChoice choose_packs(std::vector<PackShare> packs, const RepackLimits& limits);

struct RepackReport {
  std::uint64_t packs = 0;         ///< replaced
  std::uint64_t copied_bytes = 0;  ///< that the copies take
};

/// Copies the live blobs of `chosen`, batch by batch. Of each batch it makes durable, in this
/// order: the copies, an index object that names them, the statement that they replace the old
/// packs for heads up to `until`. Then `done` is called, which may remove the old ones: cut off
/// anywhere, every blob is where some head's references lead to. A pack with a blob that cannot be
/// opened stays as it is.
/// Errors: those of the store and of `done`; kCrypto; kCancelled.
Result<void> copy_live_blobs(vault::Vault& vault, vault::IndexCache& index, const LiveBlobs& live,
                             const std::vector<PackShare>& chosen, std::uint64_t until,
                             const RepackLimits& limits, const std::function<Result<void>()>& done,
                             RepackReport& report, const std::stop_token& stop);

}  // namespace obhut::maintain
