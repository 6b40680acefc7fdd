#pragma once
// Says of most ids that they are surely not in an index file, from two bytes a record in memory:
// what is new, which a backup asks for all the time, costs no reading.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/vault/page_file.h"

namespace obhut::vault {

/// The 16 bits that the filter keeps of an id: others than those that order the records.
std::uint16_t fingerprint_of(const BlobId& id);

/// The fingerprints lie in the order of the records, so that the page that would hold an id tells
/// which few to compare: one id in 800 that is in none of 78 records passes. A table of that order
/// is written in one pass and never too full, unlike a cuckoo filter of the same size.
/// Read by the megabyte when first asked for. Thread: any.
class IndexFilter {
 public:
  /// In: `records` fingerprints in `file` (which must outlive it) from page `first` on.
  IndexFilter(const PageFile& file, std::uint64_t first, std::uint64_t records);

  /// False where none of the `count` records from `begin` on has the fingerprint. They lie in one
  /// page of the table. Errors: kCorrupt.
  Result<bool> may_hold(std::uint16_t fingerprint, std::uint64_t begin, std::size_t count) const;

 private:
  Result<const Pages*> step(std::size_t number) const;
  const PageFile& file_;
  std::uint64_t first_;
  std::uint64_t pages_;
  mutable std::vector<std::atomic<const Pages*>> steps_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Pages>> owned_;
};

}  // namespace obhut::vault
