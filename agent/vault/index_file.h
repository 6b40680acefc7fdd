#pragma once
// The local cache file of an index: fixed-width records, sorted, in pages that prove themselves. No
// format for ever: a file of another version is built again. Layout: FORMAT.md section 5.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/base/bytes.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/seal/keyring.h"
#include "agent/store/store.h"
#include "agent/vault/index_filter.h"
#include "agent/vault/index_record.h"
#include "agent/vault/page_file.h"

namespace obhut::vault {

/// Holds eight bytes of 78 records, the filter where it is asked for, and some pages.
/// Errors: kCorrupt, naming the file, where a page that is needed is damaged. Thread: any.
class IndexFile {
 public:
  /// In: how many pages are kept once they were read: a multiple of 64. 16,384 are 64 MiB, and
  /// hold 1.2 million records: a nightly run asks for each part once, in an order of its own.
  /// Errors: kNotFound; kCorrupt for what this keyring did not write whole.
  static Result<IndexFile> open(const std::string& path, const seal::Keyring& keyring,
                                std::size_t cached_pages = 16'384);

  [[nodiscard]] const std::string& path() const { return pages_->path(); }
  [[nodiscard]] std::uint64_t size() const { return records_; }
  /// Calls `use` for each record of `id`, by pack, until it returns false. Asks the filter first
  /// where `likely` is false.
  using UseRecord = std::function<bool(const IndexRecord&)>;
  Result<void> find(const BlobId& id, bool likely, const UseRecord& use) const;

  [[nodiscard]] std::uint32_t pack_count() const { return packs_; }
  /// Without its blobs. In: below pack_count().
  [[nodiscard]] Result<pack::PackInfo> pack(std::uint32_t number) const;
  /// All packs in order: number, and the bytes of write_pack_record().
  using UsePackRecord = std::function<Result<void>(std::uint32_t, ByteView)>;
  Result<void> for_each_pack(const UsePackRecord& use) const;

  [[nodiscard]] const std::vector<store::ObjectInfo>& included() const { return included_; }
  [[nodiscard]] const std::vector<store::ObjectInfo>& superseded() const { return superseded_; }

 private:
  friend class RecordScan;
  explicit IndexFile(PageFile pages, std::size_t cached);
  Result<void> read_header(const seal::Keyring& keyring);
  Result<void> read_objects(std::uint64_t first, std::uint32_t included, std::uint32_t superseded);
  Result<void> read_fences(std::uint64_t first);
  /// Where the first record of this prefix may lie.
  [[nodiscard]] std::size_t first_page(std::uint64_t prefix) const;
  [[nodiscard]] std::size_t records_in(std::size_t page) const;

  std::unique_ptr<PageFile> pages_;  // where the filter and the cache find it
  std::unique_ptr<PageCache> cache_;
  std::unique_ptr<IndexFilter> filter_;
  std::uint64_t records_ = 0;
  std::uint32_t packs_ = 0;
  std::uint64_t packs_at_ = 0;    // first page
  std::uint64_t records_at_ = 0;  // first page
  std::vector<std::uint64_t> fences_;
  std::vector<store::ObjectInfo> included_;
  std::vector<store::ObjectInfo> superseded_;
};

/// Reads the records in order, some pages at a time. Thread: one.
class RecordScan {
 public:
  /// `file` must outlive it.
  explicit RecordScan(const IndexFile& file) : file_(&file) {}
  /// False at the end. Errors: kCorrupt.
  Result<bool> next(IndexRecord& into);

 private:
  const IndexFile* file_;
  std::uint64_t at_ = 0;
  std::uint64_t loaded_ = 0;  // records before this one are in `pages_`
  std::uint64_t first_ = 0;   // record of `pages_`
  Pages pages_;
};

/// Calls `use` for each record in order. Errors: kCorrupt.
Result<void> for_each_record(const IndexFile& file,
                             const std::function<void(const IndexRecord&)>& use);

/// The first eight bytes as a big-endian number: it orders as ids do.
std::uint64_t prefix_of(const BlobId& id);

/// How many of what lie in a page, and the magic: shared with the builder.
struct IndexLayout {
  static constexpr std::string_view kMagic = "OBHUTIC2";
  static constexpr std::size_t kObjectSize = 32 + 8;
  static constexpr std::size_t kObjects = kPageContent / kObjectSize;
  static constexpr std::size_t kPacks = kPageContent / kPackRecordSize;
  static constexpr std::size_t kRecords = kPageContent / IndexRecord::kSize;
  static constexpr std::size_t kFingerprints = kPageContent / 2;
  static constexpr std::size_t kFences = kPageContent / 8;
  static constexpr std::uint64_t pages(std::uint64_t items, std::size_t in_a_page) {
    return (items + in_a_page - 1) / in_a_page;
  }
};
// No page of records has its fingerprints in two pages of the filter.
static_assert(IndexLayout::kFingerprints % IndexLayout::kRecords == 0);

}  // namespace obhut::vault
