#include "agent/vault/page_file.h"

#include <algorithm>

#include "agent/base/check.h"
#include "agent/base/codec.h"
#include "agent/base/text.h"
#include "agent/crypto/digest.h"
#include "agent/crypto/random.h"
#include "agent/crypto/secret.h"

namespace obhut::vault {
namespace {

constexpr std::size_t kHashAt = 8 + kPageContent;
constexpr std::size_t kWriteBuffer = 64 * kPageSize;

BlobId key_of_file(ByteView key, ByteView salt) {
  Writer context;
  context.raw(as_bytes("obhut page file 2"));
  context.raw(salt);
  return crypto::keyed_blake3(key, context.bytes());
}

// Of the whole page, with zeros in the place of the hash: BLAKE3 takes four whole chunks side by
// side, which three and a piece it does not, at half the time.
BlobId hash_of(const BlobId& key, ByteView page) {
  return crypto::keyed_blake3(key.bytes(), page);
}

std::uint64_t number_in(ByteView page) {
  return Reader(page.first(8)).u64();
}

bool is_authentic(const BlobId& key, std::uint64_t number, MutableByteView page) {
  std::array<std::uint8_t, kPageSize - kHashAt> hash{};
  const MutableByteView place = page.subspan(kHashAt);
  std::ranges::copy(place, hash.begin());
  std::ranges::fill(place, std::uint8_t{0});
  return number_in(page) == number &&
         crypto::equal_in_constant_time(hash_of(key, page).bytes(), hash);
}

}  // namespace

PageWriter::PageWriter(platform::AtomicFile file, ByteView key) : file_(std::move(file)) {
  const auto salt = crypto::random_id<Sha256>();
  key_ = key_of_file(key, salt.bytes());
  pages_.reserve(kWriteBuffer);
  pages_.resize(kPageSize);
  std::ranges::copy(salt.bytes(), pages_.begin() + 8);
  used_ = kPageSalt;
}

Result<PageWriter> PageWriter::create(const std::string& path, const std::string& temporary_folder,
                                      ByteView key) {
  ASSIGN_OR_RETURN(platform::AtomicFile file,
                   platform::AtomicFile::create(path, 0600, temporary_folder));
  return PageWriter(std::move(file), key);
}

Result<void> PageWriter::add(ByteView item) {
  CHECK(item.size() <= kPageContent);
  if (used_ + item.size() > kPageContent) TRY(end_page());
  const std::size_t at = pages_.size() - kPageSize + 8 + used_;
  std::ranges::copy(item, pages_.begin() + static_cast<std::ptrdiff_t>(at));
  used_ += item.size();
  return {};
}

Result<void> PageWriter::end_page() {
  if (used_ == 0) return {};
  std::uint8_t* page = pages_.data() + pages_.size() - kPageSize;
  for (unsigned i = 0; i < 8; ++i) page[i] = static_cast<std::uint8_t>(number_ >> (8 * i));
  const BlobId hash = hash_of(key_, {page, kPageSize});
  std::ranges::copy(hash.bytes(), page + kHashAt);
  ++number_;
  used_ = 0;
  if (pages_.size() >= kWriteBuffer) TRY(flush());
  pages_.resize(pages_.size() + kPageSize);
  return {};
}

Result<void> PageWriter::flush() {
  TRY(file_.write(pages_));
  pages_.clear();
  return {};
}

Result<void> PageWriter::commit() {
  TRY(end_page());
  pages_.resize(pages_.size() - kPageSize);
  TRY(flush());
  return file_.commit();
}

Result<PageFile> PageFile::open(const std::string& path, ByteView key) {
  ASSIGN_OR_RETURN(platform::LocalFile file, platform::LocalFile::open_for_reading(path));
  ASSIGN_OR_RETURN(const std::uint64_t size, file.size());
  const auto foreign = [&] {
    return fail(ErrorKind::kCorrupt, "index cache " + printable(path) + ": not authentic");
  };
  if (size < kPageSize || size % kPageSize != 0) return foreign();
  ASSIGN_OR_RETURN(Bytes first, file.read_range({0, kPageSize}));
  const BlobId own = key_of_file(key, ByteView(first).subspan(8, kPageSalt));
  if (!is_authentic(own, 0, first)) return foreign();
  return PageFile(std::move(file), size / kPageSize, own);
}

Result<void> PageFile::read(std::uint64_t first, std::size_t count, Pages& into) const {
  const auto damaged = [&](std::uint64_t page) {
    return fail(ErrorKind::kCorrupt, "index cache " + printable(path()) + ": page " +
                                         std::to_string(page) + " is damaged");
  };
  into.bytes_.resize(count * kPageSize);
  ASSIGN_OR_RETURN(const std::size_t got, file_.read_at(first * kPageSize, into.bytes_));
  if (got != into.bytes_.size()) return damaged(first + got / kPageSize);
  for (std::size_t i = 0; i < count; ++i) {
    const MutableByteView page = MutableByteView(into.bytes_).subspan(i * kPageSize, kPageSize);
    if (!is_authentic(key_, first + i, page)) return damaged(first + i);
  }
  return {};
}

PageCache::PageCache(std::size_t pages)
    : sets_(pages / kWays), mutexes_(std::make_unique<std::mutex[]>(kMutexes)) {
  // Whoever shares a set must share its mutex.
  CHECK(pages > 0 && sets_.size() % kMutexes == 0);
}

bool PageCache::holds(std::uint64_t page) {
  const std::scoped_lock lock(mutex_of(page));
  return set_of(page).find(page) != nullptr;
}

PageCache::Slot* PageCache::Set::find(std::uint64_t page) {
  const auto at = std::ranges::find(slots, page, &Slot::page);
  return at == std::end(slots) ? nullptr : &*at;
}

PageCache::Slot& PageCache::Set::oldest() {
  // What is unused has never been stamped; clocks that wrap cost one unlucky choice.
  return *std::ranges::min_element(slots, {}, &Slot::used);
}

}  // namespace obhut::vault
