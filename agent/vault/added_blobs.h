#pragma once
// What a run adds to an index, however much it is: the latest in memory, the rest in sorted files.

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/seal/keyring.h"
#include "agent/vault/index_file.h"

namespace obhut::vault {

/// Thread: find() and for_each() at once; add() alone.
class AddedBlobs {
 public:
  /// In: how many records stay in memory (some 100 bytes each), and how many files of a size are
  /// merged into one.
  struct Limits {
    std::size_t in_memory = 1U << 16U;
    std::size_t files = 8;
  };
  AddedBlobs(const seal::Keyring& keyring, Limits limits) : keyring_(keyring), limits_(limits) {}

  [[nodiscard]] std::uint64_t size() const { return in_files_ + fresh_.size(); }
  [[nodiscard]] bool is_full() const { return fresh_.size() >= spill_at_; }
  void add(const IndexRecord& record);
  /// Moves what is in memory to `folder`. Where that fails it stays in memory, and is_full() is
  /// false until as much again was added: a full disk costs memory before it costs the run.
  Result<void> spill(const std::string& folder);

  /// As IndexFile::find. Errors: kCorrupt naming the file.
  Result<void> find(const BlobId& id, bool likely, const IndexFile::UseRecord& use) const;
  /// In no order. Errors: kCorrupt.
  Result<void> for_each(const std::function<void(const IndexRecord&)>& use) const;

 private:
  using Level = std::vector<IndexFile>;
  Result<IndexFile> write(const std::string& folder, const std::vector<IndexRecord>& sorted);
  Result<void> merge_level(const std::string& folder, std::size_t level);
  const seal::Keyring& keyring_;
  Limits limits_;
  std::size_t spill_at_ = limits_.in_memory;
  std::unordered_multimap<BlobId, IndexRecord, IdHash> fresh_;
  std::vector<Level> levels_;  // each file of a level holds `files` of the level before
  std::uint64_t in_files_ = 0;
  std::uint64_t next_name_ = 0;
};

}  // namespace obhut::vault
