// Blocks of files: read once, kept a while, fetched ahead.

#include "tools/cli/block_cache.h"

#include <atomic>
#include <numeric>

#include <gtest/gtest.h>

#include "agent/base/text.h"

namespace obhut::cli {
namespace {

constexpr std::uint64_t kBlock = 100;

class BlockCacheTest : public testing::Test {
 protected:
  BlockCacheTest() {
    content_.resize(1050);
    std::iota(content_.begin(), content_.end(), std::uint8_t{0});
  }
  BlockCache::Fetch fetch() {
    return [this](const std::string& name, ByteRange range) -> Result<Bytes> {
      const std::scoped_lock lock(mutex_);
      ++fetched_[{name, range.offset}];
      lengths_.push_back(range.length);
      if (fails_ > 0) {
        --fails_;
        return fail(ErrorKind::kUnavailable, "not now");
      }
      const ByteView part = ByteView(content_).subspan(range.offset, range.length);
      return to_bytes(part.first(part.size() - short_by_));
    };
  }
  Bytes part(std::size_t offset, std::size_t length) {
    return to_bytes(ByteView(content_).subspan(offset, length));
  }
  int fetched(std::uint64_t block) {
    const std::scoped_lock lock(mutex_);
    return fetched_[{"file", block * kBlock}];
  }
  std::size_t all_fetched() {
    const std::scoped_lock lock(mutex_);
    return lengths_.size();
  }

  Bytes content_;
  CachedFile file_{"file", 1050};
  std::mutex mutex_;
  std::map<std::pair<std::string, std::uint64_t>, int> fetched_;
  std::vector<std::uint64_t> lengths_;
  int fails_ = 0;
  std::size_t short_by_ = 0;
};

TEST_F(BlockCacheTest, GivesWhatTheFileHoldsWhereverItIsRead) {
  BlockCache cache(fetch(), {.block = kBlock, .blocks = 4, .ahead = 0});

  for (const auto& [offset, length] :
       {std::pair<std::uint64_t, std::uint64_t>{0, 1}, {99, 2}, {250, 500}, {0, 1050}}) {
    const Result<Bytes> read = cache.read(file_, {offset, length});
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, part(offset, length)) << offset;
  }
  EXPECT_EQ(*cache.read(file_, {1000, 500}), part(1000, 50)) << "to the end and no further";
  EXPECT_TRUE(cache.read(file_, {1050, 10})->empty());
  EXPECT_TRUE(cache.read(file_, {UINT64_MAX, UINT64_MAX})->empty());
}

TEST_F(BlockCacheTest, FetchesABlockOnce) {
  BlockCache cache(fetch(), {.block = kBlock, .blocks = 4, .ahead = 0});

  for (std::uint64_t offset = 0; offset < kBlock; offset += 10) {
    ASSERT_TRUE(cache.read(file_, {offset, 10}));
  }

  EXPECT_EQ(all_fetched(), 1U);
}

TEST_F(BlockCacheTest, KeepsNoMoreThanItMay) {
  BlockCache cache(fetch(), {.block = kBlock, .blocks = 4, .ahead = 0});

  ASSERT_TRUE(cache.read(file_, {0, 1050}));
  EXPECT_LE(cache.size(), 4U);
  ASSERT_TRUE(cache.read(file_, {0, 1}));

  EXPECT_EQ(fetched(0), 2) << "the one used longest ago had gone";
}

TEST_F(BlockCacheTest, FetchesAheadOfWhoeverReadsOn) {
  BlockCache cache(fetch(), {.block = kBlock, .blocks = 20, .ahead = 4});

  ASSERT_TRUE(cache.read(file_, {0, 150}));
  // Ahead of blocks 0 and 1: up to block 5, by the cache's own threads.
  while (all_fetched() < 6) std::this_thread::yield();

  EXPECT_EQ(*cache.read(file_, {150, 900}), part(150, 900));
  for (std::uint64_t block = 0; block <= 10; ++block) EXPECT_EQ(fetched(block), 1) << block;
}

TEST_F(BlockCacheTest, LeavesTheNeighboursOfScatteredReadsAlone) {
  BlockCache cache(fetch(), {.block = kBlock, .blocks = 20, .ahead = 4});

  for (const std::uint64_t block : {7U, 3U, 9U, 5U}) {
    ASSERT_TRUE(cache.read(file_, {block * kBlock, 10}));
  }

  EXPECT_EQ(all_fetched(), 4U);
}

TEST_F(BlockCacheTest, ForgetsAnError) {
  BlockCache cache(fetch(), {.block = kBlock, .blocks = 4, .ahead = 0});
  fails_ = 1;

  EXPECT_EQ(cache.read(file_, {0, 10}).error().kind, ErrorKind::kUnavailable);

  EXPECT_EQ(*cache.read(file_, {0, 10}), part(0, 10));
}

TEST_F(BlockCacheTest, TakesAShortBlockForDamage) {
  BlockCache cache(fetch(), {.block = kBlock, .blocks = 4, .ahead = 0});
  short_by_ = 1;

  EXPECT_EQ(cache.read(file_, {0, 10}).error().kind, ErrorKind::kCorrupt);
}

TEST_F(BlockCacheTest, ServesManyThreadsAtOnce) {
  BlockCache cache(fetch(), {.block = kBlock, .blocks = 3, .ahead = 2});
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> readers;
    for (unsigned reader = 0; reader < 4; ++reader) {
      readers.emplace_back([&, reader] {
        for (std::uint64_t round = 0; round < 200; ++round) {
          const std::uint64_t offset = (round * 37 + std::uint64_t{reader} * 211) % 1000;
          const Result<Bytes> read = cache.read(file_, {offset, 50});
          if (!read || *read != part(offset, 50)) ++wrong;
        }
      });
    }
  }

  EXPECT_EQ(wrong, 0);
  EXPECT_LE(cache.size(), 3U);
}

}  // namespace
}  // namespace obhut::cli
