#include "agent/vault/page_file.h"

#include <gtest/gtest.h>

#include "platform/atomic_file.h"
#include "tests/store/scratch.h"
#include "tests/support/samples.h"

namespace obhut::vault {
namespace {

using tests::Scratch;

struct PageFileTest : testing::Test {
  Scratch scratch;
  Bytes key = tests::random_bytes(32, 1);
  std::string path = scratch.in("pages");

  /// Page 0 alone, then `pages` of one item each that fills it with its number.
  void write(std::size_t pages, const std::string& where) {
    Result<PageWriter> writer = PageWriter::create(where, {}, key);
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->end_page());
    for (std::size_t page = 1; page <= pages; ++page) {
      ASSERT_TRUE(writer->add(Bytes(kPageContent, static_cast<std::uint8_t>(page))));
    }
    ASSERT_TRUE(writer->commit());
  }
  Bytes bytes_of(const std::string& where) { return *platform::read_file(where, 16U << 20U); }
};

TEST_F(PageFileTest, ReadsWhatWasWritten) {
  write(200, path);

  const Result<PageFile> file = PageFile::open(path, key);

  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->count(), 201U);
  Pages pages;
  ASSERT_TRUE(file->read(100, 101, pages));
  ASSERT_EQ(pages.count(), 101U);
  EXPECT_EQ(pages.content(0)[0], 100);
  EXPECT_EQ(pages.content(100)[kPageContent - 1], 200);
}

TEST_F(PageFileTest, PutsNoItemIntoTwoPages) {
  Result<PageWriter> writer = PageWriter::create(path, {}, key);
  ASSERT_TRUE(writer);
  for (std::uint8_t i = 0; i < 3; ++i) ASSERT_TRUE(writer->add(Bytes(2000, i)));
  ASSERT_TRUE(writer->commit());

  const Result<PageFile> file = PageFile::open(path, key);

  ASSERT_TRUE(file);
  ASSERT_EQ(file->count(), 2U);
  Pages pages;
  ASSERT_TRUE(file->read(0, 2, pages));
  EXPECT_EQ(pages.content(0)[kPageSalt + 3999], 1) << "two fit behind the salt";
  EXPECT_EQ(pages.content(1)[0], 2);
  EXPECT_EQ(pages.content(1)[2000], 0) << "the rest is zero";
}

TEST_F(PageFileTest, BelievesNoByteThatChanged) {
  write(2, path);
  const Bytes good = bytes_of(path);

  for (std::size_t at = 0; at < good.size(); at += at % kPageSize < 45 ? 1 : 61) {
    Bytes changed = good;
    changed[at] ^= 4;
    ASSERT_TRUE(platform::write_file(path, changed));
    const Result<PageFile> file = PageFile::open(path, key);
    ASSERT_EQ(file.has_value(), at >= kPageSize) << "byte " << at;
    for (std::uint64_t page = 0; file && page < 3; ++page) {
      Pages pages;
      const Result<void> read = file->read(page, 1, pages);
      ASSERT_EQ(read.has_value(), page != at / kPageSize) << "byte " << at << " page " << page;
      if (!read) {
        EXPECT_EQ(read.error().kind, ErrorKind::kCorrupt);
        EXPECT_NE(read.error().message.find(path), std::string::npos) << read.error().message;
      }
    }
  }
}

TEST_F(PageFileTest, BelievesNoPageInAnotherPlaceOrFile) {
  write(2, path);
  write(2, scratch.in("other"));
  const Bytes good = bytes_of(path);
  const Bytes other = bytes_of(scratch.in("other"));
  const auto second = static_cast<std::ptrdiff_t>(2 * kPageSize);
  const auto first = static_cast<std::ptrdiff_t>(kPageSize);
  Pages pages;

  Bytes swapped = good;
  std::copy(good.begin() + second, good.end(), swapped.begin() + first);
  ASSERT_TRUE(platform::write_file(path, swapped));
  EXPECT_FALSE(PageFile::open(path, key)->read(1, 1, pages));

  Bytes mixed = good;
  std::copy(other.begin() + first, other.begin() + second, mixed.begin() + first);
  ASSERT_TRUE(platform::write_file(path, mixed));
  EXPECT_FALSE(PageFile::open(path, key)->read(1, 1, pages));
}

TEST_F(PageFileTest, BelievesNoFileOfAnotherKeyOrThatWasCut) {
  write(2, path);
  EXPECT_EQ(PageFile::open(path, tests::random_bytes(32, 2)).error().kind, ErrorKind::kCorrupt);

  const Bytes good = bytes_of(path);
  ASSERT_TRUE(platform::write_file(path, ByteView(good).first(kPageSize + 100)));
  EXPECT_FALSE(PageFile::open(path, key));
  EXPECT_EQ(PageFile::open(scratch.in("none"), key).error().kind, ErrorKind::kNotFound);
}

TEST_F(PageFileTest, OfTheCacheIsTheRightPageHoweverManyAreAsked) {
  write(200, path);
  const Result<PageFile> file = PageFile::open(path, key);
  ASSERT_TRUE(file);
  PageCache cache(64);

  std::size_t held = 0;
  for (std::uint64_t round = 0; round < 3; ++round) {
    for (std::uint64_t page = 1; page <= 200; ++page) {
      const std::uint64_t asked = page * 37 % 200 + 1;
      const Result<void> used = cache.with(*file, asked, [&](ByteView content) {
        ASSERT_EQ(content[17], static_cast<std::uint8_t>(asked));
      });
      ASSERT_TRUE(used);
      EXPECT_TRUE(cache.holds(asked));
    }
  }
  for (std::uint64_t page = 1; page <= 200; ++page) held += cache.holds(page) ? 1 : 0;
  EXPECT_EQ(held, 64U) << "no more than it may";
}

TEST_F(PageFileTest, ThatIsDamagedIsNotKeptByTheCache) {
  write(2, path);
  const Bytes good = bytes_of(path);
  Bytes changed = good;
  changed[kPageSize + 100] ^= 1;
  ASSERT_TRUE(platform::write_file(path, changed));
  const Result<PageFile> file = PageFile::open(path, key);
  ASSERT_TRUE(file);
  PageCache cache(64);

  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(cache.with(*file, 1, [](ByteView) { FAIL() << "a damaged page was shown"; }));
  }
  EXPECT_FALSE(cache.holds(1));
}

}  // namespace
}  // namespace obhut::vault
