#pragma once
// The local cache file of an index: fixed-width records, sorted, mapped. No format for ever: a file
// of another version is built again. Layout: FORMAT.md section 4.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/bytes.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/pack/pack_info.h"
#include "agent/seal/keyring.h"
#include "agent/store/store.h"
#include "platform/mapped_file.h"

namespace obhut::vault {

/// One blob in one pack, as the file holds it.
struct IndexRecord {
  static constexpr std::size_t kSize = 52;

  BlobId id;
  std::uint32_t pack = 0;
  std::uint32_t number = 0;
  pack::BlobEntry entry() const;

  model::Codec codec = model::Codec::kRaw;
  std::uint32_t offset = 0;
  std::uint32_t sealed_length = 0;
  std::uint32_t plain_length = 0;

  void write(std::uint8_t* out) const;
  static IndexRecord read(const std::uint8_t* in);
  friend bool operator<(const IndexRecord& a, const IndexRecord& b) {
    return a.id != b.id ? a.id < b.id : a.pack < b.pack;
  }
};

/// An authentic file, mapped.
class IndexFile {
 public:
  /// Errors: kNotFound; kCorrupt for anything that this keyring did not write whole.
  static Result<IndexFile> open(const std::string& path, const seal::Keyring& keyring);

  [[nodiscard]] std::uint64_t size() const { return record_count_; }
  [[nodiscard]] IndexRecord record(std::uint64_t at) const;
  /// The first record whose id is not less.
  [[nodiscard]] std::uint64_t lower_bound(const BlobId& id) const;
  [[nodiscard]] std::uint32_t pack_count() const { return pack_count_; }
  /// Without its blobs.
  [[nodiscard]] pack::PackInfo pack(std::uint32_t number) const;
  [[nodiscard]] Sha256 pack_name(std::uint32_t number) const;
  [[nodiscard]] const std::vector<store::ObjectInfo>& included() const { return included_; }
  [[nodiscard]] const std::vector<store::ObjectInfo>& superseded() const { return superseded_; }

 private:
  explicit IndexFile(platform::MappedFile map) : map_(std::move(map)) {}
  platform::MappedFile map_;
  std::uint64_t record_count_ = 0;
  std::uint32_t pack_count_ = 0;
  std::size_t packs_at_ = 0;
  std::size_t records_at_ = 0;
  std::vector<store::ObjectInfo> included_;
  std::vector<store::ObjectInfo> superseded_;
};

/// Gathers packs and writes a new file. Records are sorted in runs that are spilled into
/// `directory`, so that memory stays bounded whatever the vault's size.
class IndexFileBuilder {
 public:
  explicit IndexFileBuilder(std::string directory);
  ~IndexFileBuilder();

  /// Takes what `base` (which must outlive the builder) holds already; before any add().
  void start_from(const IndexFile& base);
  /// A pack that was added before is left out.
  Result<void> add(const pack::PackInfo& pack);
  Result<void> write(const std::string& path, const seal::Keyring& keyring,
                     const std::vector<store::ObjectInfo>& included,
                     const std::vector<store::ObjectInfo>& superseded);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace obhut::vault
