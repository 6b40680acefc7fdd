#include "agent/vault/index_file.h"

#include <algorithm>

#include "agent/base/check.h"
#include "agent/base/codec.h"
#include "agent/base/text.h"

namespace obhut::vault {
namespace {

using Layout = IndexLayout;

/// Pages of a scan, and of what is read whole at the start.
constexpr std::size_t kScanPages = 16;

/// Calls `use(number, bytes)` for `count` items of `size` bytes, `in_a_page` of them in each page
/// from `first` on.
template <class Use>
Result<void> for_each_item(const PageFile& file, std::uint64_t first, std::uint64_t count,
                           std::size_t size, std::size_t in_a_page, Use use) {
  Pages pages;
  for (std::uint64_t at = 0; at < count;) {
    const std::uint64_t page = at / in_a_page;
    const std::uint64_t all = Layout::pages(count, in_a_page);
    TRY(file.read(first + page, std::min<std::uint64_t>(kScanPages, all - page), pages));
    for (std::size_t i = 0; i < pages.count(); ++i) {
      const ByteView content = pages.content(i);
      for (std::size_t item = 0; item < in_a_page && at < count; ++item, ++at) {
        TRY(use(at, content.subspan(item * size, size)));
      }
    }
  }
  return {};
}

/// The first of `count` records in a page whose id is not less.
std::size_t lower_bound_in(ByteView content, std::size_t count, const BlobId& id) {
  std::size_t low = 0;
  while (count > 0) {
    const std::size_t half = count / 2;
    const std::uint8_t* middle = content.data() + (low + half) * IndexRecord::kSize;
    const bool less = std::memcmp(middle, id.bytes().data(), BlobId::kSize) < 0;
    low = less ? low + half + 1 : low;
    count = less ? count - half - 1 : half;
  }
  return low;
}

}  // namespace

std::uint64_t prefix_of(const BlobId& id) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value = value << 8U | id.bytes()[i];
  return value;
}

IndexFile::IndexFile(PageFile pages, std::size_t cached)
    : pages_(std::make_unique<PageFile>(std::move(pages))),
      cache_(std::make_unique<PageCache>(cached)) {}

Result<IndexFile> IndexFile::open(const std::string& path, const seal::Keyring& keyring,
                                  std::size_t cached_pages) {
  ASSIGN_OR_RETURN(PageFile pages, PageFile::open(path, keyring.keys().cache.view()));
  IndexFile file(std::move(pages), cached_pages);
  TRY(file.read_header(keyring));
  return file;
}

Result<void> IndexFile::read_header(const seal::Keyring& keyring) {
  Pages header;
  TRY(pages_->read(0, 1, header));
  Reader in(header.content(0).subspan(kPageSalt));
  const bool ours = as_text(in.raw(Layout::kMagic.size())) == Layout::kMagic &&
                    in.id<VaultId>() == keyring.vault();
  records_ = in.u64();
  packs_ = in.u32();
  const std::uint32_t included = in.u32();
  const std::uint32_t superseded = in.u32();
  packs_at_ = 1 + Layout::pages(std::uint64_t{included} + superseded, Layout::kObjects);
  records_at_ = packs_at_ + Layout::pages(packs_, Layout::kPacks);
  const std::uint64_t filter_at = records_at_ + Layout::pages(records_, Layout::kRecords);
  const std::uint64_t fences_at = filter_at + Layout::pages(records_, Layout::kFingerprints);
  const std::uint64_t fences = Layout::pages(records_, Layout::kRecords);
  if (!ours || fences_at + Layout::pages(fences, Layout::kFences) != pages_->count()) {
    return fail(ErrorKind::kCorrupt, "index cache " + printable(path()) + ": not whole");
  }
  filter_ = std::make_unique<IndexFilter>(*pages_, filter_at, records_);
  TRY(read_objects(1, included, superseded));
  return read_fences(fences_at);
}

Result<void> IndexFile::read_objects(std::uint64_t first, std::uint32_t included,
                                     std::uint32_t superseded) {
  included_.reserve(included);
  superseded_.reserve(superseded);
  return for_each_item(*pages_, first, std::uint64_t{included} + superseded, Layout::kObjectSize,
                       Layout::kObjects, [&](std::uint64_t at, ByteView bytes) -> Result<void> {
                         Reader in(bytes);
                         const auto name = in.id<Sha256>();
                         std::vector<store::ObjectInfo>& into =
                             at < included ? included_ : superseded_;
                         into.push_back({{model::ObjectKind::kIndex, name}, in.u64()});
                         return {};
                       });
}

Result<void> IndexFile::read_fences(std::uint64_t first) {
  const std::uint64_t count = Layout::pages(records_, Layout::kRecords);
  fences_.reserve(count);
  return for_each_item(*pages_, first, count, 8, Layout::kFences,
                       [&](std::uint64_t, ByteView bytes) -> Result<void> {
                         fences_.push_back(Reader(bytes).u64());
                         return {};
                       });
}

std::size_t IndexFile::first_page(std::uint64_t prefix) const {
  const auto at = std::ranges::lower_bound(fences_, prefix);
  const auto page = static_cast<std::size_t>(at - fences_.begin());
  return page == 0 ? 0 : page - 1;
}

std::size_t IndexFile::records_in(std::size_t page) const {
  return std::min<std::uint64_t>(Layout::kRecords, records_ - page * Layout::kRecords);
}

Result<void> IndexFile::find(const BlobId& id, bool likely, const UseRecord& use) const {
  const std::uint64_t prefix = prefix_of(id);
  const std::uint16_t fingerprint = fingerprint_of(id);
  bool more = true;
  for (std::size_t page = first_page(prefix); more && page < fences_.size(); ++page) {
    if (fences_[page] > prefix) break;
    const std::size_t count = records_in(page);
    const std::uint64_t place = records_at_ + page;
    if (!likely && !cache_->holds(place)) {
      ASSIGN_OR_RETURN(const bool possible,
                       filter_->may_hold(fingerprint, page * Layout::kRecords, count));
      if (!possible) continue;
    }
    TRY(cache_->with(*pages_, place, [&](ByteView content) {
      for (std::size_t at = lower_bound_in(content, count, id); more && at < count; ++at) {
        const std::uint8_t* bytes = content.data() + at * IndexRecord::kSize;
        if (std::memcmp(bytes, id.bytes().data(), BlobId::kSize) != 0) break;
        more = use(IndexRecord::read(bytes));
      }
    }));
  }
  return {};
}

Result<pack::PackInfo> IndexFile::pack(std::uint32_t number) const {
  CHECK(number < packs_);
  pack::PackInfo pack;
  TRY(cache_->with(*pages_, packs_at_ + number / Layout::kPacks, [&](ByteView content) {
    pack = read_pack_record(
        content.subspan(number % Layout::kPacks * kPackRecordSize, kPackRecordSize));
  }));
  return pack;
}

Result<void> IndexFile::for_each_pack(const UsePackRecord& use) const {
  return for_each_item(*pages_, packs_at_, packs_, kPackRecordSize, Layout::kPacks,
                       [&](std::uint64_t number, ByteView bytes) {
                         return use(static_cast<std::uint32_t>(number), bytes);
                       });
}

Result<bool> RecordScan::next(IndexRecord& into) {
  if (at_ == file_->size()) return false;
  if (at_ == loaded_) {
    const std::uint64_t page = at_ / Layout::kRecords;
    const std::uint64_t count = std::min<std::uint64_t>(kScanPages, file_->fences_.size() - page);
    TRY(file_->pages_->read(file_->records_at_ + page, count, pages_));
    first_ = at_;
    loaded_ = std::min(file_->size(), at_ + count * Layout::kRecords);
  }
  const std::uint64_t at = at_ - first_;
  const ByteView content = pages_.content(at / Layout::kRecords);
  into = IndexRecord::read(content.data() + at % Layout::kRecords * IndexRecord::kSize);
  ++at_;
  return true;
}

Result<void> for_each_record(const IndexFile& file,
                             const std::function<void(const IndexRecord&)>& use) {
  RecordScan scan(file);
  IndexRecord record;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, scan.next(record));
    if (!more) return {};
    use(record);
  }
}

}  // namespace obhut::vault
