#pragma once
// Writes index files: gathers packs, sorts their records in runs on disk, merges.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/pack/pack_info.h"
#include "agent/seal/keyring.h"
#include "agent/store/store.h"
#include "agent/vault/index_file.h"

namespace obhut::vault {

/// One file of records alone, from sorted ones. Errors: those of writing.
Result<void> write_run(const std::string& path, const seal::Keyring& keyring,
                       const std::vector<IndexRecord>& sorted);
/// One file of records alone, of those of all `runs`. Errors: kCorrupt; those of writing.
Result<void> merge_runs(const std::string& path, const seal::Keyring& keyring,
                        const std::vector<const IndexFile*>& runs);

/// Holds 120 bytes a pack and, while it writes, ten a page and two a record.
class IndexFileBuilder {
 public:
  /// In: an existing folder for runs, on the file system of the file to be; it is the caller's to
  /// remove, with what a builder that was cut off left in it.
  IndexFileBuilder(std::string folder, const seal::Keyring& keyring);
  ~IndexFileBuilder();

  /// Takes what `base` (which must outlive the builder) holds already; before any add().
  /// Errors: kCorrupt where `base` is damaged.
  Result<void> start_from(const IndexFile& base);
  /// A pack that was added before is left out.
  Result<void> add(const pack::PackInfo& pack);
  /// Errors: kCorrupt where `base` is damaged; those of writing.
  Result<void> write(const std::string& path, const std::vector<store::ObjectInfo>& included,
                     const std::vector<store::ObjectInfo>& superseded);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace obhut::vault
