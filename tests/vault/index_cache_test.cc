#include "agent/vault/index_cache.h"

#include <gtest/gtest.h>

#include "agent/vault/index_file.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "tests/store/scratch.h"
#include "tests/support/faulty_store.h"
#include "tests/support/mem_store.h"
#include "tests/vault/packs.h"

namespace obhut::vault {
namespace {

using tests::MemStore;
using tests::Scratch;

struct IndexCacheTest : testing::Test {
  seal::Keyring keyring = tests::sample_keyring();
  MemStore store;
  Scratch scratch;
  std::string cache = scratch.in("cache");

  std::unique_ptr<IndexCache> load(store::Store& from, const std::string& where) {
    Result<std::unique_ptr<IndexCache>> loaded = IndexCache::load(from, keyring, where, {});
    EXPECT_TRUE(loaded) << loaded.error().message;
    return loaded ? std::move(*loaded) : nullptr;
  }
  std::unique_ptr<IndexCache> load() { return load(store, cache); }
  StoredPack pack(std::uint64_t seed) {
    return put_pack(store, keyring, {tests::text_bytes(1000, seed), tests::random_bytes(50, seed)});
  }
};

TEST_F(IndexCacheTest, FindsEveryBlobOfTheStoresIndexes) {
  const StoredPack one = pack(1);
  const StoredPack two = pack(2);
  put_index(store, keyring, {{one.info}, {}});
  put_index(store, keyring, {{two.info}, {}});

  const auto index = load();

  EXPECT_EQ(index->blob_count(), 4U);
  EXPECT_EQ(index->pack_count(), 2U);
  for (const StoredPack& stored : {one, two}) {
    for (std::uint32_t i = 0; i < 2; ++i) {
      const std::optional<BlobLocation> found = index->find(stored.ids[i]);
      ASSERT_TRUE(found);
      EXPECT_EQ(found->number, i);
      EXPECT_EQ(found->entry, stored.info.blobs[i]);
      pack::PackInfo expected = stored.info;
      expected.blobs = {};
      EXPECT_EQ(index->pack(found->pack), expected);
    }
    EXPECT_TRUE(index->find_pack(stored.info.name));
  }
  EXPECT_FALSE(index->find(tests::id_of_all<BlobId>(1)));
  EXPECT_FALSE(index->find_pack(tests::id_of_all<Sha256>(1)));
}

TEST_F(IndexCacheTest, OfAnEmptyStoreIsEmpty) {
  const auto index = load();

  EXPECT_EQ(index->blob_count(), 0U);
  EXPECT_FALSE(index->find(tests::id_of_all<BlobId>(1)));
}

TEST_F(IndexCacheTest, NeedsNoFolderOfTheCaller) {
  const StoredPack one = pack(1);
  put_index(store, keyring, {{one.info}, {}});

  EXPECT_TRUE(load(store, "")->contains(one.ids[0]));
}

TEST_F(IndexCacheTest, FetchesOnlyWhatIsNew) {
  put_index(store, keyring, {{pack(1).info}, {}});
  ASSERT_TRUE(load());
  const StoredPack two = pack(2);
  const Sha256 fresh = put_index(store, keyring, {{two.info}, {}});
  tests::FaultyStore watched(store);
  std::vector<Sha256> fetched;
  watched.tamper(
      [&](const model::ObjectName& name, ByteRange, Bytes&) { fetched.push_back(name.hash); });

  const auto index = load(watched, cache);

  EXPECT_EQ(fetched, std::vector{fresh});
  EXPECT_EQ(index->pack_count(), 2U);
  EXPECT_TRUE(index->contains(two.ids[1]));
  fetched.clear();
  load(watched, cache);
  EXPECT_TRUE(fetched.empty()) << "nothing new, nothing asked for";
}

TEST_F(IndexCacheTest, LeavesSupersededIndexesOut) {
  const StoredPack gone = pack(1);
  const StoredPack kept = pack(2);
  const Sha256 old = put_index(store, keyring, {{gone.info, kept.info}, {}});
  ASSERT_TRUE(load()->contains(gone.ids[0]));
  const Sha256 compact = put_index(store, keyring, {{kept.info}, {old}});

  for (const std::string& where : {cache, std::string()}) {
    const auto index = load(store, where);
    EXPECT_FALSE(index->contains(gone.ids[0]));
    EXPECT_TRUE(index->contains(kept.ids[0]));
    ASSERT_EQ(index->superseded().size(), 1U);
    EXPECT_EQ(index->superseded()[0].name.hash, old);
    ASSERT_EQ(index->index_objects().size(), 1U);
    EXPECT_EQ(index->index_objects()[0].name.hash, compact);
  }
}

TEST_F(IndexCacheTest, IsBuiltAgainWhenAnIndexVanished) {
  const StoredPack one = pack(1);
  const StoredPack two = pack(2);
  put_index(store, keyring, {{one.info}, {}});
  const Sha256 vanishing = put_index(store, keyring, {{two.info}, {}});
  ASSERT_TRUE(load());
  ASSERT_TRUE(store.remove({model::ObjectKind::kIndex, vanishing}, {}));

  const auto index = load();

  EXPECT_TRUE(index->contains(one.ids[0]));
  EXPECT_FALSE(index->contains(two.ids[0]));
}

struct DamagedCacheTest : IndexCacheTest {
  std::string path = platform::join(cache, keyring.vault().text() + ".index");

  /// Changes a byte of page `page` of the cache file.
  void damage(std::size_t page) {
    Bytes bytes = *platform::read_file(path, 1U << 20U);
    bytes[page * kPageSize + 100] ^= 1;
    ASSERT_TRUE(platform::write_file(path, bytes));
  }
};

TEST_F(DamagedCacheTest, IsBuiltAgainWhereTheDamageShowsAtTheStart) {
  const StoredPack one = pack(1);
  put_index(store, keyring, {{one.info}, {}});
  ASSERT_TRUE(load());
  const Bytes good = *platform::read_file(path, 1U << 20U);

  damage(0);
  EXPECT_TRUE(load()->contains(one.ids[0]));
  ASSERT_TRUE(platform::write_file(path, ByteView(good).first(good.size() / 2)));
  EXPECT_TRUE(load()->contains(one.ids[0]));
  ASSERT_TRUE(platform::write_file(path, Bytes(5000, 7)));
  EXPECT_TRUE(load()->contains(one.ids[0]));
}

// Header, included object, pack, records: what a run meets late must not look like a lost blob.
TEST_F(DamagedCacheTest, IsNotBelievedAndSaysSoWhenTheDamageIsMet) {
  const StoredPack one = pack(1);
  put_index(store, keyring, {{one.info}, {}});
  ASSERT_TRUE(load());
  damage(3);
  {
    const auto index = load();
    ASSERT_TRUE(index->intact()) << "not met yet";

    EXPECT_FALSE(index->find(one.ids[0]));

    const Result<void> intact = index->intact();
    ASSERT_FALSE(intact);
    EXPECT_EQ(intact.error().kind, ErrorKind::kUnavailable) << "worth another try";
    EXPECT_NE(intact.error().message.find(path), std::string::npos) << intact.error().message;
  }
  EXPECT_FALSE(platform::exists(path)) << "else the next run would meet it again";

  const auto again = load();
  EXPECT_TRUE(again->contains(one.ids[0]));
  EXPECT_TRUE(again->intact());
}

TEST_F(DamagedCacheTest, SaysSoWhereAPackOrTheWholeTableIsRead) {
  put_index(store, keyring, {{pack(1).info}, {}});
  for (const std::size_t page : {2U, 3U}) {
    ASSERT_TRUE(load());
    damage(page);
    const auto index = load();

    EXPECT_TRUE(index->pack(0).name.is_zero() == (page == 2));
    index->for_each_blob([](const BlobId&, const BlobLocation&) {});

    EXPECT_FALSE(index->intact()) << "page " << page;
  }
}

TEST_F(DamagedCacheTest, IsBuiltAgainWhereItShouldBeBuiltUpon) {
  const StoredPack one = pack(1);
  put_index(store, keyring, {{one.info}, {}});
  for (const std::size_t page : {2U, 3U}) {
    ASSERT_TRUE(load());
    damage(page);
    const StoredPack next = pack(page);
    put_index(store, keyring, {{next.info}, {}});

    const auto index = load();

    EXPECT_TRUE(index->contains(one.ids[0]));
    EXPECT_TRUE(index->contains(next.ids[0]));
    EXPECT_TRUE(index->intact());
  }
}

TEST_F(IndexCacheTest, GoesOnWithoutADamagedIndexAndSaysSo) {
  const StoredPack one = pack(1);
  put_index(store, keyring, {{one.info}, {}});
  const Bytes garbage = tests::random_bytes(300, 1);
  const Result<model::ObjectName> bad =
      store::put_named(store, model::ObjectKind::kIndex, garbage, {});
  ASSERT_TRUE(bad);

  const auto index = load();

  EXPECT_TRUE(index->contains(one.ids[0]));
  ASSERT_EQ(index->faults().size(), 1U);
  EXPECT_EQ(index->faults()[0].index, bad->hash);
}

TEST_F(IndexCacheTest, FailsWhereTheStoreDoesNotAnswer) {
  put_index(store, keyring, {{pack(1).info}, {}});
  tests::FaultyStore network(store);
  network.fail_from(1, {ErrorKind::kUnavailable, "no route"});

  const auto loaded = IndexCache::load(network, keyring, cache, {});

  ASSERT_FALSE(loaded) << "an index that was not fetched is not an index that is damaged";
  EXPECT_EQ(loaded.error().kind, ErrorKind::kUnavailable);
}

TEST_F(IndexCacheTest, KnowsWhatThisRunAdds) {
  const auto index = load();
  const StoredPack one = pack(1);

  index->add(one.info);
  index->add(one.info);

  EXPECT_EQ(index->blob_count(), 2U);
  const std::optional<BlobLocation> found = index->find(one.ids[1]);
  ASSERT_TRUE(found);
  EXPECT_EQ(index->pack(found->pack).name, one.info.name);
  EXPECT_TRUE(index->find_pack(one.info.name));
}

// The cluster refused a commit since this pack is gone: its blobs must be uploaded again.
TEST_F(IndexCacheTest, ForgetsAPackThatIsGone) {
  const StoredPack gone = pack(1);
  put_index(store, keyring, {{gone.info}, {}});
  const auto index = load();

  index->forget(gone.info.name);
  EXPECT_FALSE(index->contains(gone.ids[0]));

  const StoredPack again = pack(1);
  index->add(again.info);
  EXPECT_EQ(index->pack(index->find(gone.ids[0])->pack).name, again.info.name);
}

// As a first backup of many terabytes does: what it added moves to disk, and goes with it.
TEST_F(IndexCacheTest, FindsWhatThisRunAddedAndMovedToDisk) {
  const StoredPack before = pack(1);
  put_index(store, keyring, {{before.info}, {}});
  {
    const auto index = load();
    std::vector<pack::PackInfo> packs;
    for (std::uint64_t p = 0; p < 150; ++p) {
      pack::PackInfo& made = packs.emplace_back();
      made.name = *Sha256::from_bytes(tests::random_bytes(32, 1'000'000 + p));
      for (std::uint64_t i = 0; i < 1000; ++i) {
        made.blobs.push_back({*BlobId::from_bytes(tests::random_bytes(32, 1000 * p + i)),
                              model::Codec::kRaw, static_cast<std::uint32_t>(i), 26, 10});
      }
      index->add(made);
    }
    EXPECT_EQ(platform::list_directory(cache)->size(), 3U) << "file, work folder, its lock";

    index->forget(packs[7].name);

    EXPECT_EQ(index->blob_count(), 150'002U);
    for (std::uint64_t p = 0; p < 150; ++p) {
      for (std::uint64_t i = 0; i < 1000; i += 99) {
        const std::optional<BlobLocation> found = index->find(packs[p].blobs[i].id);
        ASSERT_EQ(found.has_value(), p != 7);
        if (!found) continue;
        ASSERT_EQ(found->entry, packs[p].blobs[i]);
        ASSERT_EQ(index->pack(found->pack).name, packs[p].name);
      }
    }
    EXPECT_EQ(index->blobs_of(*index->find_pack(packs[3].name)).size(), 1000U);
    std::uint64_t seen = 0;
    index->for_each_blob([&](const BlobId&, const BlobLocation&) { ++seen; });
    EXPECT_EQ(seen, 149'002U);
    EXPECT_TRUE(index->contains(before.ids[0]));
    EXPECT_TRUE(index->intact());
  }
  EXPECT_EQ(platform::list_directory(cache)->size(), 1U);
}

TEST_F(IndexCacheTest, FindsAmongMany) {
  std::vector<StoredPack> packs;
  for (std::uint64_t p = 0; p < 20; ++p) {
    std::vector<Bytes> blobs;
    for (std::uint64_t i = 0; i < 300; ++i) blobs.push_back(tests::random_bytes(10, 1000 * p + i));
    packs.push_back(put_pack(store, keyring, blobs));
    put_index(store, keyring, {{packs.back().info}, {}});
    if (p == 10) {
      ASSERT_TRUE(load());
    }
  }

  const auto index = load();

  EXPECT_EQ(index->blob_count(), 6000U);
  for (const StoredPack& stored : packs) {
    for (std::uint32_t i = 0; i < stored.ids.size(); ++i) {
      const std::optional<BlobLocation> found = index->find(stored.ids[i]);
      ASSERT_TRUE(found);
      ASSERT_EQ(found->entry, stored.info.blobs[i]);
    }
  }
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const Bytes id = tests::random_bytes(32, 900'000 + i);
    ASSERT_FALSE(index->find(*BlobId::from_bytes(id)));
  }
  std::uint64_t seen = 0;
  BlobId last;
  index->for_each_blob([&](const BlobId& id, const BlobLocation&) {
    EXPECT_LT(last, id);
    last = id;
    ++seen;
  });
  EXPECT_EQ(seen, 6000U);
  EXPECT_EQ(index->blobs_of(*index->find_pack(packs[3].info.name)).size(), 300U);
}

}  // namespace
}  // namespace obhut::vault
