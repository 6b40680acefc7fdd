#include "agent/maintain/blob_health.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "tests/support/mem_store.h"
#include "tests/vault/packs.h"

namespace obhut::maintain {
namespace {

struct PartsTest : testing::Test {
  seal::Keyring keyring = tests::sample_keyring();
  tests::MemStore store;
  std::vector<pack::PackInfo> indexed;

  PartsTest() {
    for (std::uint64_t number = 0; number < 12; ++number) {
      // 1 to 4 blobs a pack: 30 together.
      std::vector<Bytes> blobs;
      for (std::uint64_t i = 0; i <= number % 4; ++i) {
        blobs.push_back(tests::random_bytes(50, 100 * number + i));
      }
      indexed.push_back(vault::put_pack(store, keyring, blobs).info);
      vault::put_index(store, keyring, {{indexed.back()}, {}});
    }
  }
  std::unique_ptr<vault::IndexCache> index() {
    auto loaded = vault::IndexCache::load(store, keyring, "", {});
    CHECK(loaded.has_value());
    return std::move(*loaded);
  }
  std::vector<store::ObjectInfo> listed() { return *store.list(model::ObjectKind::kPack, {}); }
};

TEST_F(PartsTest, HaveEachPackOnceWithAllThatTheIndexSaysOfIt) {
  for (const std::uint64_t at_once : {1U, 5U, 1000U}) {
    std::map<Sha256, pack::PackInfo> seen;
    std::size_t parts = 0;
    const Result<void> done = for_each_part(
        *index(), listed(), at_once,
        [&](const std::vector<store::ObjectInfo>& packs, const KnownPacks& known) -> Result<void> {
          std::size_t blobs = 0;
          for (const auto& [name, info] : known) blobs += info.blobs.size();
          EXPECT_TRUE(blobs <= at_once || known.size() == 1) << blobs;
          for (const store::ObjectInfo& pack : packs) {
            const auto found = known.find(pack.name.hash);
            if (found == known.end()) return fail(ErrorKind::kInternal, "unknown");
            EXPECT_TRUE(seen.emplace(found->first, found->second).second);
          }
          ++parts;
          return {};
        });

    ASSERT_TRUE(done) << done.error().message;
    ASSERT_EQ(seen.size(), 12U);
    for (const pack::PackInfo& pack : indexed) EXPECT_EQ(seen.at(pack.name), pack);
    EXPECT_EQ(parts == 1, at_once == 1000);
  }
}

TEST_F(PartsTest, HavePacksThatNoIndexNamesToo) {
  const Sha256 orphan = vault::put_pack(store, keyring, {tests::random_bytes(9, 9)}).info.name;
  std::set<Sha256> unknown;
  std::size_t packs_seen = 0;

  const Result<void> done = for_each_part(
      *index(), listed(), 5,
      [&](const std::vector<store::ObjectInfo>& packs, const KnownPacks& known) -> Result<void> {
        packs_seen += packs.size();
        for (const store::ObjectInfo& pack : packs) {
          if (!known.contains(pack.name.hash)) unknown.insert(pack.name.hash);
        }
        return {};
      });

  ASSERT_TRUE(done);
  EXPECT_EQ(packs_seen, 13U);
  EXPECT_EQ(unknown, std::set{orphan});
}

TEST_F(PartsTest, EndWithTheFirstError) {
  int calls = 0;

  const Result<void> done =
      for_each_part(*index(), listed(), 5,
                    [&](const std::vector<store::ObjectInfo>&, const KnownPacks&) -> Result<void> {
                      ++calls;
                      return fail(ErrorKind::kCancelled, "enough");
                    });

  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace obhut::maintain
