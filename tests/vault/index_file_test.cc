#include "agent/vault/index_file.h"

#include <gtest/gtest.h>

#include "agent/vault/added_blobs.h"
#include "agent/vault/index_builder.h"
#include "agent/vault/pack_list.h"
#include "agent/vault/work_folder.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "tests/store/scratch.h"
#include "tests/support/samples.h"

namespace obhut::vault {
namespace {

using tests::Scratch;

BlobId blob_id(std::uint64_t seed) {
  return *BlobId::from_bytes(tests::random_bytes(32, seed));
}

/// Pack `number` with `blobs` blobs, whose ids are those of seeds from number * 1000 on.
pack::PackInfo synthetic_pack(std::uint64_t number, std::uint64_t blobs) {
  pack::PackInfo pack;
  pack.name = *Sha256::from_bytes(tests::random_bytes(32, 1'000'000'000 + number));
  pack.size = 1'000'000 + number;
  pack.kind = model::BlobKind::kNodes;
  pack.epoch = 1;
  for (std::uint64_t i = 0; i < blobs; ++i) {
    pack.blobs.push_back({blob_id(number * 1000 + i), model::Codec::kZstd,
                          static_cast<std::uint32_t>(96 + 50 * i), 50,
                          static_cast<std::uint32_t>(100 + i)});
  }
  return pack;
}

struct IndexFileTest : testing::Test {
  seal::Keyring keyring = tests::sample_keyring();
  Scratch scratch;
  std::string path = scratch.in("index");

  IndexFile written(const std::vector<pack::PackInfo>& packs) {
    IndexFileBuilder builder(scratch.path(), keyring);
    for (const pack::PackInfo& pack : packs) EXPECT_TRUE(builder.add(pack));
    EXPECT_TRUE(builder.write(path, {}, {}));
    return reopened();
  }
  IndexFile reopened() {
    Result<IndexFile> file = IndexFile::open(path, keyring, 64);
    CHECK(file.has_value());
    return std::move(*file);
  }
  static std::vector<IndexRecord> found(const IndexFile& file, const BlobId& id,
                                        bool likely = false) {
    std::vector<IndexRecord> records;
    EXPECT_TRUE(file.find(id, likely, [&](const IndexRecord& record) {
      records.push_back(record);
      return true;
    }));
    return records;
  }
  /// Changes one byte of each page in [first, last).
  void damage(std::size_t first, std::size_t last) {
    Bytes bytes = *platform::read_file(path, 64U << 20U);
    for (std::size_t page = first; page < last; ++page) bytes[page * kPageSize + 500] ^= 1;
    ASSERT_TRUE(platform::write_file(path, bytes));
  }
};

TEST_F(IndexFileTest, FindsEveryRecordAndNothingElse) {
  std::vector<pack::PackInfo> packs;
  for (std::uint64_t number = 0; number < 30; ++number) {
    packs.push_back(synthetic_pack(number, 301));
  }
  const IndexFile file = written(packs);

  ASSERT_EQ(file.size(), 9030U);
  ASSERT_EQ(file.pack_count(), 30U);
  for (std::uint32_t number = 0; number < 30; ++number) {
    for (std::uint32_t i = 0; i < 301; ++i) {
      const pack::BlobEntry& blob = packs[number].blobs[i];
      const std::vector<IndexRecord> records = found(file, blob.id, i % 2 == 0);
      ASSERT_EQ(records.size(), 1U);
      EXPECT_EQ(records[0].pack, number);
      EXPECT_EQ(records[0].number, i);
      EXPECT_EQ(records[0].entry(), blob);
    }
    pack::PackInfo alone = packs[number];
    alone.blobs = {};
    const Result<pack::PackInfo> pack = file.pack(number);
    ASSERT_TRUE(pack);
    EXPECT_EQ(*pack, alone);
  }
  for (std::uint64_t i = 0; i < 5000; ++i) ASSERT_TRUE(found(file, blob_id(500'000 + i)).empty());
}

// The least and the greatest id, before the first and behind the last record.
TEST_F(IndexFileTest, FindsNothingAtEitherEnd) {
  const IndexFile file = written({synthetic_pack(0, 200)});

  for (const bool likely : {false, true}) {
    EXPECT_TRUE(found(file, tests::id_of_all<BlobId>(0), likely).empty());
    EXPECT_TRUE(found(file, tests::id_of_all<BlobId>(0xFF), likely).empty());
  }
}

// Copies of one blob fill pages: the first of them may be the last record of the page before.
TEST_F(IndexFileTest, FindsCopiesThatLieInSeveralPages) {
  std::vector<pack::PackInfo> packs;
  for (std::uint64_t number = 0; number < 200; ++number) {
    packs.push_back(synthetic_pack(number, 2));
    packs.back().blobs[1].id = blob_id(7'000'000);
  }
  const IndexFile file = written(packs);

  for (const bool likely : {false, true}) {
    const std::vector<IndexRecord> copies = found(file, blob_id(7'000'000), likely);
    ASSERT_EQ(copies.size(), 200U);
    for (std::uint32_t i = 0; i < 200; ++i) EXPECT_EQ(copies[i].pack, i);
  }
}

TEST_F(IndexFileTest, StopsWhereItIsToldTo) {
  std::vector<pack::PackInfo> packs;
  for (std::uint64_t number = 0; number < 3; ++number) {
    packs.push_back(synthetic_pack(number, 1));
    packs.back().blobs[0].id = blob_id(1);
  }
  const IndexFile file = written(packs);

  int calls = 0;
  ASSERT_TRUE(file.find(blob_id(1), true, [&](const IndexRecord&) { return ++calls < 2; }));

  EXPECT_EQ(calls, 2);
}

// What is new must cost no reading: the pages of the table are made unreadable, and not missed.
TEST_F(IndexFileTest, AnswersForNewBlobsFromTheFilter) {
  std::vector<pack::PackInfo> packs;
  packs.reserve(20);
  for (std::uint64_t number = 0; number < 20; ++number)
    packs.push_back(synthetic_pack(number, 390));
  written(packs);
  // Page 0, a page of packs, then 100 pages of 78 records.
  damage(2, 102);

  const IndexFile file = reopened();
  std::uint64_t touched = 0;
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    bool seen = false;
    const Result<void> asked = file.find(blob_id(500'000 + i), false, [&](const IndexRecord&) {
      seen = true;
      return true;
    });
    ASSERT_FALSE(seen);
    touched += asked ? 0 : 1;
  }

  EXPECT_LT(touched, 60U) << "78 of 65,536 pass, which is 12 of 10,000";
  EXPECT_FALSE(file.find(packs[3].blobs[7].id, false, [](const IndexRecord&) { return true; }))
      << "what is there passes the filter, and its page is damaged";
}

// A wrong cache would make a backup believe that a blob is stored.
TEST_F(IndexFileTest, GivesNoWrongAnswerWhateverPageIsDamaged) {
  std::vector<pack::PackInfo> packs;
  packs.reserve(4);
  for (std::uint64_t number = 0; number < 4; ++number) packs.push_back(synthetic_pack(number, 100));
  written(packs);
  const Bytes good = *platform::read_file(path, 1U << 20U);
  const std::size_t pages = good.size() / kPageSize;
  ASSERT_EQ(pages, 1U + 1 + 6 + 1 + 1) << "header, packs, records, filter, fences";

  for (std::size_t page = 0; page < pages; ++page) {
    ASSERT_TRUE(platform::write_file(path, good));
    damage(page, page + 1);
    const Result<IndexFile> file = IndexFile::open(path, keyring, 64);
    if (page == 0 || page == pages - 1) {
      EXPECT_FALSE(file) << "page " << page;
      continue;
    }
    ASSERT_TRUE(file);
    std::size_t failed = 0;
    for (std::uint32_t number = 0; number < 4; ++number) {
      for (const pack::BlobEntry& blob : packs[number].blobs) {
        std::vector<IndexRecord> records;
        const Result<void> asked = file->find(blob.id, false, [&](const IndexRecord& record) {
          records.push_back(record);
          return true;
        });
        failed += asked ? 0 : 1;
        if (asked) {
          ASSERT_EQ(records.size(), 1U);
          ASSERT_EQ(records[0].entry(), blob);
        }
      }
      EXPECT_EQ(file->pack(number).has_value(), page != 1);
    }
    const Result<void> all = for_each_record(*file, [](const IndexRecord&) {});
    EXPECT_EQ(all.has_value(), page < 2 || page > 7);
    EXPECT_EQ(failed > 0, page >= 2) << "page " << page;
  }
}

TEST_F(IndexFileTest, IsBuiltUponWithWhatItHolds) {
  const pack::PackInfo twice = synthetic_pack(1, 50);
  written({synthetic_pack(0, 50), twice});
  const IndexFile base = reopened();
  path = scratch.in("next");
  IndexFileBuilder builder(scratch.path(), keyring);
  ASSERT_TRUE(builder.start_from(base));
  ASSERT_TRUE(builder.add(twice));
  ASSERT_TRUE(builder.add(synthetic_pack(2, 50)));
  ASSERT_TRUE(builder.write(path, {}, {}));

  const IndexFile file = reopened();

  EXPECT_EQ(file.size(), 150U);
  EXPECT_EQ(file.pack_count(), 3U);
  EXPECT_EQ(found(file, blob_id(1001)).size(), 1U);
  ASSERT_EQ(found(file, blob_id(2049)).size(), 1U);
  EXPECT_EQ(file.pack(found(file, blob_id(2049))[0].pack)->size, 1'000'002U);
}

// More records than are sorted in memory at once.
TEST_F(IndexFileTest, IsSortedThroughRunsOnDisk) {
  IndexFileBuilder builder(scratch.path(), keyring);
  for (std::uint64_t number = 0; number < 600; ++number) {
    ASSERT_TRUE(builder.add(synthetic_pack(number, 1000)));
  }
  ASSERT_TRUE(builder.write(path, {}, {}));

  const IndexFile file = reopened();

  EXPECT_EQ(file.size(), 600'000U);
  BlobId last;
  std::uint64_t seen = 0;
  ASSERT_TRUE(for_each_record(file, [&](const IndexRecord& record) {
    ASSERT_LT(last, record.id);
    last = record.id;
    ++seen;
  }));
  EXPECT_EQ(seen, 600'000U);
  EXPECT_EQ(found(file, blob_id(599'999)).size(), 1U);
}

struct AddedBlobsTest : IndexFileTest {
  AddedBlobs added{keyring, {.in_memory = 10, .files = 3}};

  void add(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      IndexRecord record;
      record.id = blob_id(added.size());
      record.pack = static_cast<std::uint32_t>(added.size());
      added.add(record);
      if (added.is_full()) {
        ASSERT_TRUE(added.spill(scratch.path()));
      }
    }
  }
  std::vector<std::uint32_t> packs_with(const BlobId& id) {
    std::vector<std::uint32_t> packs;
    EXPECT_TRUE(added.find(id, false, [&](const IndexRecord& record) {
      packs.push_back(record.pack);
      return true;
    }));
    return packs;
  }
};

TEST_F(AddedBlobsTest, AreFoundInMemoryAndOnDisk) {
  add(1234);

  EXPECT_EQ(added.size(), 1234U);
  for (std::uint32_t i = 0; i < 1234; ++i) {
    ASSERT_EQ(packs_with(blob_id(i)), std::vector{i});
  }
  EXPECT_TRUE(packs_with(blob_id(1'000'000)).empty());
  std::vector<bool> seen(1234, false);
  ASSERT_TRUE(added.for_each([&](const IndexRecord& record) {
    ASSERT_FALSE(seen[record.pack]);
    seen[record.pack] = true;
  }));
  EXPECT_EQ(std::ranges::count(seen, true), 1234);
}

TEST_F(AddedBlobsTest, AreMergedIntoFewFiles) {
  add(2000);

  // 200 runs in files of 1, 3, 9, 27, 81: at most two of each.
  EXPECT_LE(platform::list_directory(scratch.path())->size(), 10U);
}

// A full disk must not end a run that has memory left.
TEST_F(AddedBlobsTest, StayInMemoryWhereTheyCannotBeWritten) {
  for (std::uint32_t i = 0; i < 30; ++i) {
    IndexRecord record;
    record.id = blob_id(i);
    record.pack = i;
    added.add(record);
    if (added.is_full()) {
      EXPECT_FALSE(added.spill(scratch.in("missing")));
      EXPECT_FALSE(added.is_full()) << "not tried again with every blob";
    }
  }
  for (std::uint32_t i = 0; i < 30; ++i) EXPECT_EQ(packs_with(blob_id(i)), std::vector{i});

  ASSERT_TRUE(added.spill(scratch.path()));

  EXPECT_EQ(added.size(), 30U);
  for (std::uint32_t i = 0; i < 30; ++i) EXPECT_EQ(packs_with(blob_id(i)), std::vector{i});
}

TEST(PackList, NumbersPacksAndFindsThemByName) {
  PackList list;
  for (std::uint64_t number = 0; number < 5000; ++number) {
    ASSERT_EQ(list.add(synthetic_pack(number, 1)), number);
    ASSERT_FALSE(list.add(synthetic_pack(number, 1))) << "a name counts once";
  }

  EXPECT_EQ(list.size(), 5000U);
  for (std::uint32_t number = 0; number < 5000; ++number) {
    EXPECT_EQ(list.find(synthetic_pack(number, 1).name), number);
    EXPECT_EQ(list.at(number), synthetic_pack(number, 0));
  }
  EXPECT_FALSE(list.find(synthetic_pack(5000, 1).name));
  EXPECT_FALSE(PackList().find(synthetic_pack(0, 1).name));
}

TEST(WorkFolder, GoesWithItsOwner) {
  const Scratch scratch;
  {
    const Result<WorkFolder> folder = WorkFolder::make(scratch.path());
    ASSERT_TRUE(folder);
    ASSERT_TRUE(platform::write_file(platform::join(folder->path(), "file"), Bytes(10)));
  }
  EXPECT_TRUE(platform::list_directory(scratch.path())->empty());
}

// As a process leaves it that was killed: the folder and the file of its lock, which nobody holds.
TEST(WorkFolder, TakesAwayWhatACrashLeftAndNothingElse) {
  const Scratch scratch;
  const Result<WorkFolder> alive = WorkFolder::make(scratch.path());
  ASSERT_TRUE(alive);
  ASSERT_TRUE(platform::make_directories(scratch.in("work-dead")));
  ASSERT_TRUE(platform::write_file(scratch.in("work-dead/run-1"), Bytes(10)));
  ASSERT_TRUE(platform::write_file(scratch.in("work-dead.lock"), {}));
  ASSERT_TRUE(platform::write_file(scratch.in("vault.index"), Bytes(10)));

  const Result<WorkFolder> next = WorkFolder::make(scratch.path());

  ASSERT_TRUE(next);
  EXPECT_FALSE(platform::exists(scratch.in("work-dead")));
  EXPECT_FALSE(platform::exists(scratch.in("work-dead.lock")));
  EXPECT_TRUE(platform::exists(alive->path()));
  EXPECT_TRUE(platform::exists(next->path()));
  EXPECT_TRUE(platform::exists(scratch.in("vault.index")));
}

}  // namespace
}  // namespace obhut::vault
