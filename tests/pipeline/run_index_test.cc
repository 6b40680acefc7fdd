#include "agent/pipeline/run_index.h"

#include <gtest/gtest.h>

#include "agent/vault/page_file.h"
#include "platform/atomic_file.h"
#include "tests/store/scratch.h"
#include "tests/support/fake_clock.h"
#include "tests/support/mem_store.h"
#include "tests/vault/packs.h"

namespace obhut::pipeline {
namespace {

struct RunIndexTest : testing::Test {
  tests::MemStore store;
  tests::FakeClock clock;
  tests::Scratch scratch;
  std::string cache = scratch.in("cache");
  Log log = Log::silent();
  std::unique_ptr<vault::Vault> vault = *vault::Vault::create_standalone(
      store, vault::MachineSecret{crypto::SecretBytes(Bytes(32, 7))}, clock, {});

  vault::StoredPack pack(std::uint64_t seed) {
    return vault::put_pack(store, vault->keyring(), {tests::random_bytes(50, seed)});
  }
  std::vector<vault::StoredPack> packs_in_objects_of_their_own(std::uint64_t count) {
    std::vector<vault::StoredPack> packs;
    for (std::uint64_t number = 0; number < count; ++number) {
      packs.push_back(pack(number));
      vault::put_index(store, vault->keyring(), {{packs.back().info}, {}});
    }
    return packs;
  }
  RunIndex load() {
    Result<RunIndex> run = load_run_index(*vault, cache, log, {});
    CHECK(run.has_value());
    return std::move(*run);
  }
};

TEST_F(RunIndexTest, FindsNothingInPacksThatAreGoneAndAdoptsThoseThatNobodyKnows) {
  const vault::StoredPack kept = pack(1);
  const vault::StoredPack gone = pack(2);
  vault::put_index(store, vault->keyring(), {{kept.info, gone.info}, {}});
  const vault::StoredPack orphan = pack(3);
  ASSERT_TRUE(store.remove({model::ObjectKind::kPack, gone.info.name}, {}));

  const RunIndex run = load();

  EXPECT_TRUE(run.index->contains(kept.ids[0]));
  EXPECT_FALSE(run.index->contains(gone.ids[0]));
  EXPECT_FALSE(run.index->contains(orphan.ids[0])) << "the caller adds it";
  ASSERT_EQ(run.orphans.size(), 1U);
  EXPECT_EQ(run.orphans[0], orphan.info);
}

TEST_F(RunIndexTest, MergesManyObjectsIntoOneWithAllOfThem) {
  const auto packs = packs_in_objects_of_their_own(kManyIndexObjects + 2);
  const RunIndex run = load();

  const auto merged = merge_index_objects(*vault, *run.index, {}, {});

  ASSERT_TRUE(merged);
  ASSERT_TRUE(merged->has_value());
  const RunIndex next = load();
  ASSERT_EQ(next.index->index_objects().size(), 1U);
  for (const vault::StoredPack& stored : packs) EXPECT_TRUE(next.index->contains(stored.ids[0]));
}

// An object made from what is left would replace those that know the rest.
TEST_F(RunIndexTest, MergesNothingFromADamagedCache) {
  packs_in_objects_of_their_own(kManyIndexObjects + 2);
  load();
  const std::string path = platform::join(cache, vault->id().text() + ".index");
  Bytes bytes = *platform::read_file(path, 1U << 20U);
  // Header, a page of objects, two of packs, then the records.
  bytes[4 * vault::kPageSize + 100] ^= 1;
  ASSERT_TRUE(platform::write_file(path, bytes));
  const RunIndex run = load();
  const std::size_t before = store.count(model::ObjectKind::kIndex);

  const auto merged = merge_index_objects(*vault, *run.index, {}, {});

  ASSERT_FALSE(merged);
  EXPECT_EQ(merged.error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(store.count(model::ObjectKind::kIndex), before);
}

}  // namespace
}  // namespace obhut::pipeline
