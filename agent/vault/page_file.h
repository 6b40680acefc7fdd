#pragma once
// A local file of pages that prove themselves, for tables that are larger than what we want to
// hold: opening reads one page, and a page counts only once its keyed hash was checked. Pages are
// copied rather than mapped: what was checked is what is used, and memory stays bounded.
// Layout: FORMAT.md section 5.

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "agent/base/bytes.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"

namespace obhut::vault {

inline constexpr std::size_t kPageSize = 4096;
/// Between the page's number and its hash.
inline constexpr std::size_t kPageContent = kPageSize - 8 - 32;
/// Page 0 begins with the salt of the file, so that no page of one file fits into another.
inline constexpr std::size_t kPageSalt = 32;

/// Writes pages one after the other; the file appears under its name with commit().
class PageWriter {
 public:
  /// In: `key` of 32 bytes; the folder where the file grows, on the file system of `path`.
  static Result<PageWriter> create(const std::string& path, const std::string& temporary_folder,
                                   ByteView key);
  /// Appends an item, at most kPageContent long. None lies in two pages.
  Result<void> add(ByteView item);
  /// The next item begins a page.
  Result<void> end_page();
  Result<void> commit();

 private:
  PageWriter(platform::AtomicFile file, ByteView key);
  Result<void> flush();
  platform::AtomicFile file_;
  BlobId key_;
  Bytes pages_;           // finished, and the one that grows
  std::size_t used_ = 0;  // of the page that grows
  std::uint64_t number_ = 0;
};

/// Pages of a file, whose hashes were checked.
class Pages {
 public:
  [[nodiscard]] std::size_t count() const { return bytes_.size() / kPageSize; }
  [[nodiscard]] ByteView content(std::size_t at) const {
    return ByteView(bytes_).subspan(at * kPageSize + 8, kPageContent);
  }

 private:
  friend class PageFile;
  Bytes bytes_;
};

/// Thread: any.
class PageFile {
 public:
  /// Checks page 0. Errors: kNotFound; kCorrupt for what was not written with this key.
  static Result<PageFile> open(const std::string& path, ByteView key);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] const std::string& path() const { return file_.path(); }
  /// Fills `into` with `count` pages. Errors: kCorrupt naming the file.
  Result<void> read(std::uint64_t first, std::size_t count, Pages& into) const;

 private:
  PageFile(platform::LocalFile file, std::uint64_t count, const BlobId& key)
      : file_(std::move(file)), count_(count), key_(key) {}
  platform::LocalFile file_;
  std::uint64_t count_;
  BlobId key_;
};

/// Pages read lately: a fixed number of them, in sets of four. Thread: any.
class PageCache {
 public:
  /// In: `pages` a multiple of 64; each takes memory once it is used.
  explicit PageCache(std::size_t pages);

  /// Calls `use(content)` with the page, read where it is not here. Errors: those of read().
  template <class Use>
  Result<void> with(const PageFile& file, std::uint64_t page, Use use) {
    Set& set = set_of(page);
    const std::scoped_lock lock(mutex_of(page));
    Slot* slot = set.find(page);
    if (slot == nullptr) {
      slot = &set.oldest();
      slot->page = kNone;
      TRY(file.read(page, 1, slot->bytes));
      slot->page = page;
    }
    slot->used = ++set.clock;
    use(slot->bytes.content(0));
    return {};
  }
  [[nodiscard]] bool holds(std::uint64_t page);

 private:
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};
  static constexpr std::size_t kWays = 4;
  static constexpr std::size_t kMutexes = 16;
  struct Slot {
    std::uint64_t page = kNone;
    std::uint32_t used = 0;
    Pages bytes;
  };
  struct Set {
    Slot slots[kWays];
    std::uint32_t clock = 0;
    Slot* find(std::uint64_t page);
    Slot& oldest();
  };
  Set& set_of(std::uint64_t page) { return sets_[page % sets_.size()]; }
  std::mutex& mutex_of(std::uint64_t page) { return mutexes_[page % kMutexes]; }
  std::vector<Set> sets_;
  std::unique_ptr<std::mutex[]> mutexes_;
};

}  // namespace obhut::vault
