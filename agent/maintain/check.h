#pragma once
// Proves that every recovery point of a vault can be restored, or says what cannot.

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/maintain/blob_health.h"
#include "agent/vault/vault.h"

namespace obhut::maintain {

enum class FindingKind : std::uint8_t {
  kHead,       ///< a head is damaged, forged, or the chain is broken
  kIndex,      ///< an index object cannot be read
  kPack,       ///< a pack is missing or not what its name says
  kReference,  ///< a point needs an object that its head does not name, or that is missing
  kDirectory,  ///< part of a directory of a point is gone
  kFile,       ///< a file of a point cannot be restored whole
};

/// "head", "index", "pack", "reference", "directory", "file".
std::string_view to_string(FindingKind kind);

struct Finding {
  FindingKind kind = FindingKind::kPack;
  bool harmless = false;  ///< worth telling, but every point restores
  Sha256 point;           ///< zero where it is no single point's
  std::string subject;    ///< object name, or path (raw bytes)
  std::string message;
};

struct CheckOptions {
  bool read_data = false;  ///< read every pack, open every blob
  unsigned workers = 2;
  std::string cache_directory;  ///< of the index; "": a temporary one
  vault::BlobReaderLimits reader;
};

struct CheckReport {
  static constexpr std::size_t kRemembered = 10'000;
  std::uint64_t points = 0;
  std::uint64_t packs = 0;
  std::uint64_t blobs = 0;
  std::uint64_t files = 0;  ///< of all points; what points share counts once
  std::uint64_t bytes_read = 0;
  std::uint64_t orphan_packs = 0;  ///< left by a run that was cut off; the next one takes them
  std::uint64_t errors = 0;
  std::vector<Finding> findings;  ///< the first kRemembered

  [[nodiscard]] bool ok() const { return errors == 0; }
  void add(Finding finding);
};

/// Structure: heads verified and chained, every reference there in its size, every reachable blob
/// in a pack that the point's head names, pieces adding up. With read_data also the bytes of all of
/// it. Errors: those of the store of the retrying kinds; those of IndexCache::intact; kCancelled.
/// Damage of the vault is a finding.
Result<CheckReport> check_vault(vault::Vault& vault, const CheckOptions& options,
                                ReadProgress& progress, std::stop_token stop);

/// The part that repair shares: walks each kept point and reports what of it cannot be restored.
Result<void> check_points(vault::Vault& vault, const vault::HeadChain& chain,
                          const vault::IndexCache& index, const BlobHealth& health,
                          const vault::BlobReaderLimits& limits, CheckReport& report,
                          ReadProgress& progress, const std::stop_token& stop);

}  // namespace obhut::maintain
