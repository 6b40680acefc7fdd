#include <gtest/gtest.h>

#include "agent/crypto/digest.h"
#include "agent/pack/pack_index.h"
#include "agent/pack/pack_reader.h"
#include "agent/pack/pack_writer.h"
#include "tests/support/samples.h"

namespace obhut::pack {
namespace {

using tests::random_bytes;
using tests::sample_keyring;
using tests::text_bytes;

FinishedPack pack_of(const seal::Keyring& keyring, const std::vector<Bytes>& blobs,
                     model::BlobKind kind = model::BlobKind::kData) {
  seal::Sealer sealer(keyring);
  PackWriter writer(sealer, kind);
  for (const Bytes& blob : blobs) {
    const Result<void> added = writer.add(sealer.id_of(kind, blob), blob);
    EXPECT_TRUE(added) << added.error().message;
  }
  Result<FinishedPack> pack = writer.finish();
  EXPECT_TRUE(pack);
  return std::move(*pack);
}

Result<Bytes> open_one(const seal::Keyring& keyring, const PackInfo& info, ByteView pack,
                       std::uint32_t number) {
  ASSIGN_OR_RETURN(seal::ObjectCipher cipher, pack_cipher(keyring, info));
  seal::Opener opener;
  const BlobEntry& entry = info.blobs[number];
  Bytes plain(entry.plain_length);
  TRY(open_blob(keyring, info, number, entry, cipher, opener,
                pack.subspan(entry.offset, entry.sealed_length), plain));
  return plain;
}

TEST(Pack, GivesBackEveryBlobThatWentIn) {
  const seal::Keyring keyring = sample_keyring();
  const std::vector<Bytes> blobs = {
      text_bytes(300'000, 1), random_bytes(200'000, 2), Bytes{}, Bytes{7},
      text_bytes(40, 3),      Bytes(1U << 20U, 0)};

  const FinishedPack pack = pack_of(keyring, blobs);
  const Result<PackInfo> info = read_pack_info(keyring, pack.info.name, pack.bytes());

  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(*info, pack.info);
  ASSERT_EQ(info->blobs.size(), blobs.size());
  for (std::uint32_t i = 0; i < blobs.size(); ++i) {
    const Result<Bytes> plain = open_one(keyring, *info, pack.bytes(), i);
    ASSERT_TRUE(plain) << plain.error().message;
    EXPECT_EQ(*plain, blobs[i]) << i;
  }
}

TEST(Pack, IsNamedByTheHashOfItsBytes) {
  const seal::Keyring keyring = sample_keyring();

  const FinishedPack pack = pack_of(keyring, {text_bytes(1000, 1)});

  EXPECT_EQ(pack.info.name, crypto::sha256(pack.bytes()));
}

TEST(Pack, HasASizeThatTellsLittle) {
  const seal::Keyring keyring = sample_keyring();

  EXPECT_EQ(pack_of(keyring, {random_bytes(10, 1)}).info.size, 4096U);
  EXPECT_EQ(pack_of(keyring, {random_bytes(5000, 1)}).info.size, 8192U);
  EXPECT_EQ(pack_of(keyring, {random_bytes(3'000'000, 1)}).info.size % (64U << 10U), 0U);
}

TEST(Pack, NeverOutgrowsItsTarget) {
  const seal::Keyring keyring = sample_keyring();
  seal::Sealer sealer(keyring);
  PackWriter writer(sealer, model::BlobKind::kData);
  const Bytes blob = random_bytes(777'777, 1);
  std::size_t added = 0;

  while (writer.fits(blob.size())) {
    ASSERT_TRUE(writer.add(tests::id_of_all<BlobId>(1), blob));
    ++added;
  }
  const Result<FinishedPack> pack = writer.finish();

  ASSERT_TRUE(pack);
  EXPECT_LE(pack->info.size, kPackTarget);
  EXPECT_GE(added, 20U);
}

TEST(Pack, TakesTheLargestBlobWhenEmpty) {
  const seal::Keyring keyring = sample_keyring();
  seal::Sealer sealer(keyring);
  PackWriter writer(sealer, model::BlobKind::kData);
  const Bytes blob = random_bytes(model::kMaxBlobSize, 1);

  ASSERT_TRUE(writer.fits(blob.size()));
  ASSERT_TRUE(writer.add(sealer.id_of(model::BlobKind::kData, blob), blob));
  const Result<FinishedPack> pack = writer.finish();

  ASSERT_TRUE(pack);
  const Result<Bytes> plain = open_one(keyring, pack->info, pack->bytes(), 0);
  ASSERT_TRUE(plain);
  EXPECT_EQ(*plain, blob);
}

TEST(Pack, BeginsTheNextWithAnotherKey) {
  const seal::Keyring keyring = sample_keyring();
  seal::Sealer sealer(keyring);
  PackWriter writer(sealer, model::BlobKind::kData);
  const Bytes blob = text_bytes(100, 1);

  ASSERT_TRUE(writer.add(tests::id_of_all<BlobId>(1), blob));
  Result<FinishedPack> first = writer.finish();
  ASSERT_TRUE(first);
  const Bytes first_bytes = to_bytes(first->bytes());
  const PackInfo first_info = first->info;
  writer.reuse(std::move(first->buffer));
  ASSERT_TRUE(writer.add(tests::id_of_all<BlobId>(1), blob));
  const Result<FinishedPack> second = writer.finish();

  ASSERT_TRUE(second);
  EXPECT_NE(first_info.salt, second->info.salt);
  EXPECT_NE(first_info.commitment, second->info.commitment);
  EXPECT_FALSE(equal(ByteView(first_bytes).subspan(kPackHeaderSize, 60),
                     second->bytes().subspan(kPackHeaderSize, 60)));
}

// Two range reads are what adopting a pack over a slow line should cost.
TEST(Pack, IsReadByItsEndsAlone) {
  const seal::Keyring keyring = sample_keyring();
  const FinishedPack pack = pack_of(keyring, {random_bytes(2'000'000, 1), text_bytes(9000, 2)});
  std::uint64_t fetched = 0;
  unsigned reads = 0;

  const Result<PackInfo> info = read_pack_info(
      keyring, pack.info.name, pack.info.size, [&](ByteRange range) -> Result<Bytes> {
        ++reads;
        fetched += range.length;
        return to_bytes(pack.bytes().subspan(range.offset, range.length));
      });

  ASSERT_TRUE(info);
  EXPECT_EQ(*info, pack.info);
  EXPECT_LE(reads, 2U);
  EXPECT_LE(fetched, 70'000U);
}

TEST(Pack, WithAFooterLongerThanOneReadIsReadToo) {
  const seal::Keyring keyring = sample_keyring();
  seal::Sealer sealer(keyring);
  PackWriter writer(sealer, model::BlobKind::kNodes);
  for (std::uint32_t i = 0; i < 5000; ++i) {
    ASSERT_TRUE(
        writer.add(tests::id_of_all<BlobId>(static_cast<std::uint8_t>(i)), random_bytes(20, i)));
  }
  const Result<FinishedPack> pack = writer.finish();
  ASSERT_TRUE(pack);

  const Result<PackInfo> info = read_pack_info(
      keyring, pack->info.name, pack->info.size, [&](ByteRange range) -> Result<Bytes> {
        return to_bytes(pack->bytes().subspan(range.offset, range.length));
      });

  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->blobs.size(), 5000U);
}

// A device was lost, the vault has a new root: what the old one sealed stays readable.
TEST(Pack, OfAnOlderEpochStaysReadable) {
  const FinishedPack pack = pack_of(sample_keyring(), {text_bytes(1000, 1)});
  const seal::Keyring newer = sample_keyring(0x76, 2);

  const Result<PackInfo> info = read_pack_info(newer, pack.info.name, pack.bytes());

  ASSERT_TRUE(info);
  EXPECT_EQ(info->epoch, 1U);
  EXPECT_TRUE(open_one(newer, *info, pack.bytes(), 0));
}

TEST(Pack, OfANewerEpochIsRefusedWithAWayOut) {
  const FinishedPack pack = pack_of(sample_keyring(0x76, 2), {text_bytes(1000, 1)});

  const Result<PackInfo> info = read_pack_info(sample_keyring(), pack.info.name, pack.bytes());

  ASSERT_FALSE(info);
  EXPECT_EQ(info.error().kind, ErrorKind::kCrypto);
  EXPECT_NE(info.error().message.find("newer slot"), std::string::npos);
}

TEST(Index, GivesBackWhatWentIn) {
  const seal::Keyring keyring = sample_keyring();
  IndexObject index;
  index.packs.push_back(pack_of(keyring, {text_bytes(90'000, 1), random_bytes(10, 2)}).info);
  index.packs.push_back(pack_of(keyring, {text_bytes(50, 3)}, model::BlobKind::kNodes).info);
  index.superseded.push_back(tests::id_of_all<Sha256>(9));

  const Result<Bytes> sealed = seal_index(keyring, index);
  ASSERT_TRUE(sealed);
  const Result<IndexObject> opened = open_index(keyring, *sealed);

  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(*opened, index);
}

TEST(Index, RefusesABlobBeyondItsPack) {
  IndexObject index;
  index.packs.push_back(pack_of(sample_keyring(), {random_bytes(4000, 1)}).info);
  index.packs[0].size = 4000;

  const Result<Bytes> plain = encode_index(index);
  ASSERT_TRUE(plain);

  EXPECT_FALSE(parse_index(*plain));
}

TEST(Index, RefusesCountsThatCannotFollow) {
  // version, no superseded, 2^62 packs
  const Bytes plain = {1, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40};

  const Result<IndexObject> index = parse_index(plain);

  ASSERT_FALSE(index);
  EXPECT_EQ(index.error().kind, ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace obhut::pack
