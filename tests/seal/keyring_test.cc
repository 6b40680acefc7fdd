#include "agent/seal/keyring.h"

#include <set>

#include <gtest/gtest.h>

#include "agent/crypto/kdf.h"
#include "tests/support/samples.h"

namespace obhut::seal {
namespace {

using tests::sample_keyring;

std::vector<const crypto::SecretBytes*> all_of(const EpochKeys& keys) {
  return {&keys.chunk_id, &keys.node_id, &keys.data,  &keys.index,
          &keys.head,     &keys.signer,  &keys.cache, &keys.gear};
}

TEST(Keyring, HasADifferentKeyForEveryPurposeVaultAndEpoch) {
  const Keyring one = sample_keyring(0x76, 2);
  const Keyring other = sample_keyring(0x77, 1);
  std::set<Bytes> seen;
  for (const EpochKeys* keys : {*one.keys_of(1), *one.keys_of(2), *other.keys_of(1)}) {
    for (const crypto::SecretBytes* key : all_of(*keys)) {
      seen.insert(to_bytes(key->view().first(32)));
    }
  }

  EXPECT_EQ(seen.size(), 3U * 8U);
}

TEST(Keyring, DerivesAsTheFormatSays) {
  const Keyring ring = sample_keyring();

  const crypto::SecretBytes data =
      crypto::hkdf_sha256(Bytes(32, 1), Bytes(16, 0x76), as_bytes("obhut/1/data"), 32);

  EXPECT_TRUE(equal(ring.keys().data.view(), data.view()));
  EXPECT_EQ(ring.keys().gear.size(), 128U);
}

TEST(Keyring, NamesDataAndNodesApart) {
  const Keyring ring = sample_keyring();
  const Bytes plain = tests::bytes("the same bytes");

  EXPECT_NE(id_of(ring.keys(), model::BlobKind::kData, plain),
            id_of(ring.keys(), model::BlobKind::kNodes, plain));
}

TEST(Keyring, BeginsANewEpochAndKeepsTheOld) {
  Keyring ring = sample_keyring();
  const Bytes old_root = to_bytes(ring.roots().at(1).view());

  ring.begin_epoch();

  EXPECT_EQ(ring.current(), 2U);
  EXPECT_EQ(to_bytes(ring.roots().at(1).view()), old_root);
  EXPECT_NE(to_bytes(ring.roots().at(2).view()), old_root);
  EXPECT_EQ(ring.keys_of(3).error().kind, ErrorKind::kCrypto);
  EXPECT_EQ(ring.clone().current(), 2U);
}

TEST(Keyring, RefusesGapsAndWrongSizes) {
  const auto ring_of = [](Epoch epoch, std::size_t size) {
    std::map<Epoch, crypto::SecretBytes> roots;
    if (size > 0) roots.emplace(epoch, crypto::SecretBytes(size));
    return Keyring::from_roots(VaultId(), std::move(roots));
  };

  EXPECT_TRUE(ring_of(1, 32));
  EXPECT_FALSE(ring_of(2, 32));
  EXPECT_FALSE(ring_of(1, 31));
  EXPECT_FALSE(ring_of(1, 0));
}

TEST(Keyring, IsRandomWhenGenerated) {
  const Keyring one = Keyring::generate();
  const Keyring two = Keyring::generate();

  EXPECT_NE(one.vault(), two.vault());
  EXPECT_FALSE(equal(one.roots().at(1).view(), two.roots().at(1).view()));
}

}  // namespace
}  // namespace obhut::seal
