#include "agent/vault/blob_reader.h"

#include <algorithm>
#include <span>

#include <gtest/gtest.h>

#include "agent/model/node.h"
#include "agent/store/measured_store.h"
#include "tests/support/faulty_store.h"
#include "tests/support/mem_store.h"
#include "tests/vault/packs.h"

namespace obhut::vault {
namespace {

using tests::MemStore;

struct BlobReaderTest : testing::Test {
  seal::Keyring keyring = tests::sample_keyring();
  MemStore store;
  std::unique_ptr<IndexCache> index = *IndexCache::load(store, keyring, "", {});

  StoredPack add(const std::vector<Bytes>& blobs, model::BlobKind kind = model::BlobKind::kData) {
    StoredPack pack = put_pack(store, keyring, blobs, kind);
    index->add(pack.info);
    return pack;
  }
};

TEST_F(BlobReaderTest, GivesEveryBlobWithAndWithoutWindows) {
  std::vector<Bytes> blobs;
  for (std::uint64_t i = 0; i < 20; ++i) blobs.push_back(tests::random_bytes(5000 * i, i));
  const StoredPack pack = add(blobs);

  for (const std::uint32_t alignment : {1U, 4096U, 1U << 16U, 1U << 20U}) {
    BlobReader reader(store, keyring, *index, {.cached_plain = 0, .alignment = alignment});
    for (std::size_t i = 0; i < blobs.size(); ++i) {
      const Result<PlainBlob> plain = reader.blob(pack.ids[i], {});
      ASSERT_TRUE(plain) << plain.error().message;
      EXPECT_EQ(**plain, blobs[i]);
    }
  }
}

TEST_F(BlobReaderTest, AsksOnceForWhatItHolds) {
  const StoredPack pack = add({tests::random_bytes(1000, 1), tests::random_bytes(1000, 2)});
  store::MeasuredStore measured(store);
  BlobReader reader(measured, keyring, *index);

  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(reader.blob(pack.ids[0], {}));
    ASSERT_TRUE(reader.blob(pack.ids[1], {}));
  }

  EXPECT_EQ(measured.moved().requests, 1U) << "both lie in one window";
}

TEST_F(BlobReaderTest, AsksInWholeWindows) {
  const StoredPack pack = add({tests::random_bytes(700'000, 1), tests::random_bytes(100'000, 2)});
  tests::FaultyStore watched(store);
  watched.tamper([&](const model::ObjectName&, ByteRange range, Bytes&) {
    EXPECT_EQ(range.offset % (64U << 10U), 0U);
    EXPECT_TRUE(range.length == 64U << 10U || range.offset + range.length == pack.info.size);
  });
  BlobReader reader(watched, keyring, *index, {.alignment = 64U << 10U});

  EXPECT_TRUE(reader.blob(pack.ids[1], {}));
}

TEST_F(BlobReaderTest, HoldsNoMoreThanItMay) {
  const StoredPack pack = add({tests::random_bytes(1000, 1), tests::random_bytes(1000, 2)});
  store::MeasuredStore measured(store);
  BlobReader reader(measured, keyring, *index,
                    {.cached_plain = 1500, .alignment = 1, .cached_windows = 0});

  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(reader.blob(pack.ids[0], {}));
    ASSERT_TRUE(reader.blob(pack.ids[1], {}));
  }

  EXPECT_EQ(measured.moved().requests, 6U);
}

TEST_F(BlobReaderTest, TakesAnotherCopyWhereOneIsDamaged) {
  const Bytes blob = tests::random_bytes(1000, 1);
  const StoredPack one = add({blob});
  const StoredPack two = add({tests::random_bytes(10, 9), blob});
  for (const StoredPack& damaged : {one, two}) {
    tests::FaultyStore medium(store);
    medium.tamper([&](const model::ObjectName& name, ByteRange, Bytes& bytes) {
      if (name.hash == damaged.info.name) bytes[bytes.size() / 2] ^= 1;
    });
    BlobReader reader(medium, keyring, *index, {.alignment = 1});

    const Result<PlainBlob> plain = reader.blob(one.ids[0], {});

    ASSERT_TRUE(plain) << plain.error().message;
    EXPECT_EQ(**plain, blob);
  }
}

TEST_F(BlobReaderTest, NeverGivesWrongBytes) {
  const Bytes blob = tests::text_bytes(300, 1);
  const StoredPack pack = add({blob});
  for (std::size_t at = 0; at < pack.info.blobs[0].sealed_length; ++at) {
    tests::FaultyStore medium(store);
    medium.tamper([&](const model::ObjectName&, ByteRange, Bytes& bytes) { bytes[at] ^= 0x40; });
    BlobReader reader(medium, keyring, *index, {.alignment = 1});

    const Result<PlainBlob> plain = reader.blob(pack.ids[0], {});

    ASSERT_FALSE(plain) << at;
    EXPECT_EQ(plain.error().kind, ErrorKind::kCrypto);
  }
}

struct StretchTest : BlobReaderTest {
  std::vector<Bytes> blobs;
  std::vector<WantedBlob> wanted;

  // Blobs of 10,000 bytes in one pack; `wanted` are those with these numbers.
  StoredPack want(const std::vector<std::size_t>& numbers, std::size_t count) {
    blobs.clear();
    for (std::uint64_t i = 0; i < count; ++i) blobs.push_back(tests::random_bytes(10'000, i + 1));
    StoredPack pack = add(blobs);
    for (const std::size_t number : numbers) {
      wanted.push_back({pack.ids[number], *index->find(pack.ids[number])});
    }
    return pack;
  }
};

TEST_F(StretchTest, BringsWhatLiesTogetherInOneRequest) {
  want({1, 2, 4, 19}, 20);
  for (const std::uint32_t alignment : {1U, 1U << 18U}) {
    store::MeasuredStore measured(store);
    BlobReader reader(measured, keyring, *index, {.alignment = alignment});
    ASSERT_EQ(reader.stretch_of(wanted), alignment == 1 ? 3U : 4U) << "130,000 bytes lie between";

    std::vector<std::size_t> seen;
    const Result<void> done = reader.for_stretch(
        std::span(wanted).first(3),
        [&](std::size_t number, const Result<ByteView>& plain) -> Result<void> {
          seen.push_back(number);
          EXPECT_TRUE(plain && equal(*plain, blobs[number == 2 ? 4 : number + 1]));
          return {};
        },
        {});

    EXPECT_TRUE(done);
    EXPECT_EQ(seen, (std::vector<std::size_t>{0, 1, 2}));
    EXPECT_EQ(measured.moved().requests, 1U);
  }
}

TEST_F(StretchTest, EndsAtItsLimitAndAtThePacksEnd) {
  want({0, 1, 2, 3}, 4);
  want({0, 1}, 2);
  std::ranges::sort(wanted, {}, [](const WantedBlob& blob) {
    return std::pair(blob.location.pack, blob.location.entry.offset);
  });
  const BlobReader narrow(store, keyring, *index, {.alignment = 1, .stretch = 25'000});
  const BlobReader wide(store, keyring, *index, {.alignment = 1});
  const BlobReader none(store, keyring, *index, {.alignment = 1, .stretch = 0});

  EXPECT_EQ(narrow.stretch_of(wanted), 2U);
  EXPECT_EQ(wide.stretch_of(wanted), 4U) << "the next pack is another stretch";
  EXPECT_EQ(none.stretch_of(wanted), 1U);
}

TEST_F(StretchTest, TakesAnotherCopyWhereOneIsDamagedAndTellsOfTheRest) {
  const StoredPack pack = want({0, 1, 2}, 3);
  add({blobs[1]});
  tests::FaultyStore medium(store);
  medium.tamper([&](const model::ObjectName& name, ByteRange range, Bytes& bytes) {
    if (name.hash != pack.info.name) return;
    for (const std::size_t damaged : {1, 2}) {
      const std::uint64_t at = pack.info.blobs[damaged].offset + 5;
      if (at >= range.offset && at < range.offset + range.length) bytes[at - range.offset] ^= 1;
    }
  });
  BlobReader reader(medium, keyring, *index, {.alignment = 1});

  std::vector<bool> good;
  ASSERT_TRUE(
      reader.for_stretch(wanted,
                         [&](std::size_t number, const Result<ByteView>& plain) -> Result<void> {
                           good.push_back(plain && equal(*plain, blobs[number]));
                           EXPECT_TRUE(plain || plain.error().kind == ErrorKind::kCrypto);
                           return {};
                         },
                         {}));

  EXPECT_EQ(good, (std::vector<bool>{true, true, false}));
}

TEST_F(StretchTest, SaysOfEachBlobThatItsPackIsGone) {
  const StoredPack pack = want({0, 1}, 2);
  ASSERT_TRUE(store.remove({model::ObjectKind::kPack, pack.info.name}, {}));
  BlobReader reader(store, keyring, *index);

  std::size_t missing = 0;
  ASSERT_TRUE(reader.for_stretch(wanted,
                                 [&](std::size_t, const Result<ByteView>& plain) -> Result<void> {
                                   if (!plain && plain.error().kind == ErrorKind::kNotFound)
                                     ++missing;
                                   return {};
                                 },
                                 {}));

  EXPECT_EQ(missing, 2U);
}

TEST_F(StretchTest, NeverReadsBeyondThePackThatTheIndexDescribes) {
  want({0, 1}, 2);
  wanted[1].location.entry.sealed_length = 0xffffffff;
  BlobReader reader(store, keyring, *index, {.alignment = 1});

  std::size_t good = 0;
  ASSERT_TRUE(reader.for_stretch(wanted,
                                 [&](std::size_t, const Result<ByteView>& plain) -> Result<void> {
                                   good += plain ? 1 : 0;
                                   return {};
                                 },
                                 {}));

  EXPECT_EQ(good, 2U) << "one by one, as the index has them";
}

TEST_F(BlobReaderTest, SaysWhatIsMissing) {
  BlobReader reader(store, keyring, *index);
  const StoredPack pack = add({tests::random_bytes(10, 1)});
  ASSERT_TRUE(store.remove({model::ObjectKind::kPack, pack.info.name}, {}));

  EXPECT_EQ(reader.blob(tests::id_of_all<BlobId>(1), {}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(reader.blob(pack.ids[0], {}).error().kind, ErrorKind::kNotFound);
}

TEST_F(BlobReaderTest, RefusesASliceBeyondItsBlob) {
  const StoredPack pack = add({tests::random_bytes(100, 1)});
  BlobReader reader(store, keyring, *index);

  const Result<BlobReader::Slice> inside = reader.slice({pack.ids[0], 90, 10}, {});
  ASSERT_TRUE(inside);
  EXPECT_EQ(inside->bytes.size(), 10U);
  EXPECT_FALSE(reader.slice({pack.ids[0], 91, 10}, {}));
  EXPECT_FALSE(reader.slice({pack.ids[0], 0xffffffff, 10}, {}));
}

TEST_F(BlobReaderTest, WalksPieceListsOfEveryLevel) {
  std::vector<model::Piece> leaves;
  std::uint64_t total = 0;
  for (std::uint32_t i = 1; i <= 6; ++i) {
    leaves.push_back(i % 2 == 0 ? model::Piece::hole(i)
                                : model::Piece::of({tests::id_of_all<BlobId>(1), 0, i}));
    total += i;
  }
  const auto list_of = [&](const std::vector<model::Piece>& pieces) {
    const Bytes bytes = *model::encode_pieces(pieces);
    std::uint64_t length = 0;
    for (const model::Piece& piece : pieces) length += piece.length;
    const StoredPack pack = add({bytes}, model::BlobKind::kNodes);
    return model::Piece{model::Ref{pack.ids[0], 0, static_cast<std::uint32_t>(bytes.size())},
                        length};
  };
  const model::Piece first = list_of({leaves.begin(), leaves.begin() + 3});
  const model::Piece second = list_of({leaves.begin() + 3, leaves.end()});
  const model::Content content{2, {list_of({first, second})}};
  BlobReader reader(store, keyring, *index);
  std::vector<model::Piece> seen;

  const Result<void> walked = reader.for_each_piece(content,
                                                    [&](const model::Piece& piece) -> Result<void> {
                                                      seen.push_back(piece);
                                                      return {};
                                                    },
                                                    {});

  ASSERT_TRUE(walked) << walked.error().message;
  EXPECT_EQ(seen, leaves);
  EXPECT_EQ(content.pieces[0].length, total);
  model::Content lying = content;
  ++lying.pieces[0].length;
  EXPECT_FALSE(reader.for_each_piece(lying, [](const auto&) { return Result<void>{}; }, {}));
}

TEST_F(BlobReaderTest, ReadsWholePacksAndProvesThem) {
  const std::vector<Bytes> blobs = {tests::text_bytes(5000, 1), tests::random_bytes(3000, 2)};
  const StoredPack pack = add(blobs);

  const Result<WholePack> whole = read_whole_pack(store, keyring, pack.info.name, {});
  ASSERT_TRUE(whole) << whole.error().message;
  std::vector<Bytes> read;
  const Result<void> opened = open_all_blobs(
      keyring, *whole, [&](const pack::BlobEntry&, Result<ByteView> plain) -> Result<void> {
        if (plain) read.push_back(to_bytes(*plain));
        return {};
      });

  EXPECT_TRUE(opened);
  EXPECT_EQ(read, blobs);
  EXPECT_EQ(whole->info, pack.info);
}

}  // namespace
}  // namespace obhut::vault
