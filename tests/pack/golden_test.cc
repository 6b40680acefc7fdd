// The bytes that packs and indexes are made of, for ever. tests/data/README.md says how they were
// made.

#include "tests/support/golden.h"

#include <gtest/gtest.h>

#include "agent/pack/pack_index.h"
#include "agent/pack/pack_reader.h"
#include "agent/pack/pack_writer.h"
#include "agent/seal/envelope.h"
#include "tests/support/samples.h"

namespace obhut::pack {
namespace {

// Raw blobs alone: what zstd writes may differ between its versions, what it reads may not.
FinishedPack golden_pack(const seal::Keyring& keyring) {
  seal::Sealer sealer(keyring);
  PackWriter writer(sealer, model::BlobKind::kData);
  writer.use_salt_for_tests(tests::id_of_all<seal::Salt>(0x5a));
  for (std::uint8_t i = 1; i <= 3; ++i) {
    const Bytes blob = tests::random_bytes(std::size_t{30} * i, i);
    CHECK(writer.add(sealer.id_of(model::BlobKind::kData, blob), blob));
  }
  Result<FinishedPack> pack = writer.finish();
  CHECK(pack.has_value());
  return std::move(*pack);
}

TEST(PackGolden, AreTheBytesThatStandInTheTree) {
  const FinishedPack pack = golden_pack(tests::sample_keyring());

  EXPECT_EQ(to_hex(pack.bytes()), to_hex(tests::golden("pack-v1.bin", pack.bytes())));
}

TEST(PackGolden, AreReadStill) {
  const seal::Keyring keyring = tests::sample_keyring();
  const FinishedPack pack = golden_pack(keyring);
  const Bytes stored = tests::golden("pack-v1.bin", pack.bytes());

  const Result<PackInfo> info = read_pack_info(keyring, pack.info.name, stored);

  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->blobs.size(), 3U);
}

TEST(IndexGolden, AreTheBytesThatStandInTheTree) {
  const FinishedPack pack = golden_pack(tests::sample_keyring());
  const Result<Bytes> plain = encode_index({{pack.info}, {tests::id_of_all<Sha256>(0x11)}});

  ASSERT_TRUE(plain);
  EXPECT_EQ(to_hex(*plain), to_hex(tests::golden("index-plain-v1.bin", *plain)));
}

TEST(EnvelopeGolden, AreTheBytesThatStandInTheTree) {
  const Bytes plain = tests::random_bytes(48, 5);
  const Result<Bytes> sealed = seal::seal_envelope_with_salt(
      tests::sample_keyring(), seal::SealedKind::kIndex, tests::bytes("context"), plain,
      tests::id_of_all<seal::Salt>(0x33));

  ASSERT_TRUE(sealed);
  EXPECT_EQ(to_hex(*sealed), to_hex(tests::golden("envelope-v1.bin", *sealed)));
}

}  // namespace
}  // namespace obhut::pack
