#include "agent/store/local_store.h"

#include <gtest/gtest.h>

#include "agent/crypto/digest.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "tests/store/scratch.h"
#include "tests/support/samples.h"

namespace obhut::store {
namespace {

using tests::Scratch;

ObjectName pack_of(ByteView body) {
  return {ObjectKind::kPack, crypto::sha256(body)};
}

TEST(LocalStore, MakesAVaultInANewOrEmptyFolderOnly) {
  const Scratch scratch;
  ASSERT_TRUE(platform::make_directories(scratch.in("empty")));
  ASSERT_TRUE(platform::make_directories(scratch.in("used")));
  ASSERT_TRUE(platform::write_file(scratch.in("used/thesis.txt"), tests::bytes("years of work")));

  EXPECT_TRUE(LocalStore::create(scratch.in("new")));
  EXPECT_TRUE(LocalStore::create(scratch.in("empty")));
  const auto used = LocalStore::create(scratch.in("used"));
  const auto twice = LocalStore::create(scratch.in("new"));

  ASSERT_FALSE(used);
  EXPECT_EQ(used.error().kind, ErrorKind::kConflict);
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().kind, ErrorKind::kConflict);
}

TEST(LocalStore, OpensVaultsOnly) {
  const Scratch scratch;
  ASSERT_TRUE(LocalStore::create(scratch.in("vault")));

  EXPECT_TRUE(LocalStore::open(scratch.in("vault")));
  for (const std::string& path : {scratch.in("nothing"), scratch.path()}) {
    const auto opened = LocalStore::open(path);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, ErrorKind::kNotFound);
    EXPECT_NE(opened.error().message.find("obhut vault init"), std::string::npos);
  }
}

TEST(LocalStore, KeepsPacksWhereTheFormatSays) {
  const Scratch scratch;
  const auto store = *LocalStore::create(scratch.in("vault"));
  const Bytes body = tests::bytes("sealed");
  const ObjectName name = pack_of(body);

  ASSERT_TRUE(store->put(name, body, {}));

  const std::string text = name.hash.text();
  EXPECT_EQ(platform::read_file(scratch.in("vault/packs/" + text.substr(0, 2) + "/" + text), 100)
                .value_or(Bytes{}),
            body);
  EXPECT_TRUE(platform::list_directory(scratch.in("vault/tmp"))->empty());
}

TEST(LocalStore, HealsAnObjectThatWasCut) {
  const Scratch scratch;
  const auto store = *LocalStore::create(scratch.in("vault"));
  const Bytes body = tests::random_bytes(1000, 1);
  const ObjectName name = pack_of(body);
  const std::string text = name.hash.text();
  const std::string path = scratch.in("vault/packs/" + text.substr(0, 2) + "/" + text);
  ASSERT_TRUE(platform::make_directories(platform::parent_of(path)));
  ASSERT_TRUE(platform::write_file(path, ByteView(body).first(400)));
  ASSERT_FALSE(store->get(name, {0, 1000}, {}));

  ASSERT_TRUE(store->put(name, body, {}));

  EXPECT_EQ(store->get(name, {0, 1000}, {}).value_or(Bytes{}), body);
}

// A vault was copied by a tool that leaves empty folders out.
TEST(LocalStore, MakesMissingFoldersAgain) {
  const Scratch scratch;
  const auto store = *LocalStore::create(scratch.in("vault"));
  const Bytes body = tests::bytes("sealed");
  const std::string folder = "vault/packs/" + pack_of(body).hash.text().substr(0, 2);
  ASSERT_TRUE(platform::remove_tree(scratch.in(folder)));
  ASSERT_TRUE(platform::remove_tree(scratch.in("vault/tmp")));

  EXPECT_TRUE(store->put(pack_of(body), body, {}));
  EXPECT_TRUE(store->get(pack_of(body), {0, body.size()}, {}));
}

TEST(LocalStore, RemovesAndForgets) {
  const Scratch scratch;
  const auto store = *LocalStore::create(scratch.in("vault"));
  const Bytes body = tests::bytes("sealed");
  ASSERT_TRUE(store->put(pack_of(body), body, {}));

  EXPECT_TRUE(store->remove(pack_of(body), {}));
  EXPECT_TRUE(store->remove(pack_of(body), {})) << "twice is harmless";

  EXPECT_EQ(store->get(pack_of(body), {0, 1}, {}).error().kind, ErrorKind::kNotFound);
  EXPECT_TRUE(store->list(ObjectKind::kPack, {})->empty());
}

TEST(LocalStore, ListsNothingThatIsNoObject) {
  const Scratch scratch;
  const auto store = *LocalStore::create(scratch.in("vault"));
  ASSERT_TRUE(platform::write_file(scratch.in("vault/heads/.DS_Store"), tests::bytes("x")));
  ASSERT_TRUE(platform::make_directories(scratch.in("vault/packs/aa")));
  ASSERT_TRUE(platform::write_file(scratch.in("vault/packs/aa/" + std::string(64, 'b')),
                                   tests::bytes("in another's folder")));

  EXPECT_TRUE(store->list(ObjectKind::kHead, {})->empty());
  EXPECT_TRUE(store->list(ObjectKind::kPack, {})->empty());
}

TEST(LocalStore, LetsInWhoDoesNotDisturb) {
  const Scratch scratch;
  const auto one = *LocalStore::create(scratch.in("vault"));
  const auto two = *LocalStore::open(scratch.in("vault"));
  const auto both = [&](Use first, Use second) {
    const auto held = one->lock(first);
    EXPECT_TRUE(held) << held.error().message;
    const auto other = two->lock(second);
    if (!other) {
      EXPECT_EQ(other.error().kind, ErrorKind::kConflict);
    }
    return other.has_value();
  };

  EXPECT_TRUE(both(Use::kRead, Use::kRead));
  EXPECT_TRUE(both(Use::kRead, Use::kWrite));
  EXPECT_TRUE(both(Use::kWrite, Use::kRead));
  EXPECT_FALSE(both(Use::kWrite, Use::kWrite));
  EXPECT_FALSE(both(Use::kReap, Use::kRead));
  EXPECT_FALSE(both(Use::kRead, Use::kReap));
  EXPECT_FALSE(both(Use::kReap, Use::kWrite));
  EXPECT_FALSE(both(Use::kWrite, Use::kReap));
  EXPECT_TRUE(both(Use::kPrune, Use::kWrite));
  EXPECT_TRUE(both(Use::kWrite, Use::kPrune));
  EXPECT_TRUE(both(Use::kRead, Use::kPrune));
  EXPECT_FALSE(both(Use::kPrune, Use::kPrune));
  EXPECT_FALSE(both(Use::kPrune, Use::kReap));
  EXPECT_FALSE(both(Use::kReap, Use::kPrune));
  EXPECT_TRUE(both(Use::kRead, Use::kRead)) << "all of them let go again";
}

TEST(LocalStore, SweepsWhatCrashedWritersLeft) {
  const Scratch scratch;
  const auto store = *LocalStore::create(scratch.in("vault"));
  ASSERT_TRUE(platform::write_file(scratch.in("vault/tmp/.tmp-1-1"), tests::bytes("half a pack")));

  const auto lock = store->lock(Use::kWrite);

  ASSERT_TRUE(lock);
  EXPECT_TRUE(platform::list_directory(scratch.in("vault/tmp"))->empty());
}

}  // namespace
}  // namespace obhut::store
