#include "agent/vault/vault.h"

#include <set>

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/faulty_store.h"
#include "tests/support/mem_store.h"
#include "tests/vault/packs.h"

namespace obhut::vault {
namespace {

using model::ObjectKind;
using tests::FakeClock;
using tests::MemStore;

constexpr crypto::ScryptCost kCheap{2, 1, 1};

KeySource passphrase(std::string_view text) {
  return Passphrase{crypto::SecretBytes(as_bytes(text))};
}

struct VaultTest : testing::Test {
  MemStore store;
  FakeClock clock;
  std::unique_ptr<Vault> vault =
      *Vault::create_standalone(store, passphrase("open sesame"), clock, {}, kCheap);
  Vault::Writer writer = std::move(*vault->standalone_writer());

  /// A point that refers to packs `from` to `to`, none of which is really there.
  Result<Point> commit(std::uint32_t from, std::uint32_t to) {
    Result<HeadChain> chain = vault->heads({});
    EXPECT_TRUE(chain);
    Vault::HeadDraft draft;
    draft.created = clock.now();
    draft.summary.host = "host-" + std::to_string(to);
    for (std::uint32_t i = from; i < to; ++i) {
      const Bytes hash = tests::random_bytes(32, i);
      draft.references.emplace(model::ObjectName{ObjectKind::kPack, *Sha256::from_bytes(hash)}, i);
    }
    return vault->commit(writer, *chain, draft, {});
  }
  std::unique_ptr<Vault> reopen() { return *Vault::open(store, passphrase("open sesame"), {}); }
};

TEST_F(VaultTest, OpensWithItsKeyAndNoOther) {
  const auto opened = Vault::open(store, passphrase("open sesame"), {});
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ((*opened)->id(), vault->id());
  EXPECT_TRUE((*opened)->standalone_writer());

  EXPECT_EQ(Vault::open(store, passphrase("open barley"), {}).error().kind, ErrorKind::kRefused);
  EXPECT_EQ(Vault::open(store, RecoveryKey::generate(), {}).error().kind, ErrorKind::kRefused);
}

TEST_F(VaultTest, IsNotMadeTwice) {
  const auto again = Vault::create_standalone(store, passphrase("x"), clock, {}, kCheap);

  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::kConflict);
}

TEST_F(VaultTest, InAnEmptyStoreIsNotFound) {
  MemStore empty;

  EXPECT_EQ(Vault::open(empty, passphrase("x"), {}).error().kind, ErrorKind::kNotFound);
}

// Power was lost while the vault was being made: the next attempt must succeed.
TEST_F(VaultTest, CanBeMadeAgainAfterACreationThatWasCutOff) {
  for (std::uint64_t at = 0; at < 6; ++at) {
    MemStore medium;
    tests::FaultyStore power(medium);
    power.fail_from(at, {ErrorKind::kUnavailable, "power lost"});
    const auto cut_off = Vault::create_standalone(power, passphrase("lost"), clock, {}, kCheap);
    ASSERT_FALSE(cut_off) << at;

    const auto made = Vault::create_standalone(medium, passphrase("x"), clock, {}, kCheap);

    const auto opened = Vault::open(medium, passphrase("x"), {});
    ASSERT_TRUE(opened) << at;
    EXPECT_TRUE((*opened)->standalone_writer());
  }
}

TEST_F(VaultTest, TakesMoreWaysIn) {
  const RecoveryKey key = RecoveryKey::generate();
  const crypto::ExchangeKey partner = crypto::ExchangeKey::generate();

  ASSERT_TRUE(vault->add_slot(RecoveryKey(key.secret().view()), clock.now(), {}));
  ASSERT_TRUE(vault->add_escrow_slot(partner.public_key(), clock.now(), {}));

  EXPECT_TRUE(Vault::open(store, RecoveryKey(key.secret().view()), {}));
  EXPECT_TRUE(Vault::open(
      store, EscrowSecret{std::move(*crypto::ExchangeKey::from_bytes(partner.secret().view()))},
      {}));
  EXPECT_EQ(vault->slots({})->size(), 3U);
}

TEST_F(VaultTest, KnowsWhetherAKeyOpensIt) {
  EXPECT_TRUE(vault->opens_with(passphrase("open sesame"), {}).value());
  EXPECT_FALSE(vault->opens_with(passphrase("open barley"), {}).value());
  const KeySource machine = MachineSecret{crypto::SecretBytes(ByteView(Bytes(32, 1)))};
  ASSERT_TRUE(
      vault->add_slot(MachineSecret{crypto::SecretBytes(ByteView(Bytes(32, 2)))}, clock.now(), {}));
  EXPECT_FALSE(vault->opens_with(machine, {}).value()) << "another machine's slot is not its own";
  ASSERT_TRUE(vault->add_slot(machine, clock.now(), {}));
  EXPECT_TRUE(vault->opens_with(machine, {}).value());
}

TEST_F(VaultTest, KeepsAChainOfPoints) {
  const Result<Point> first = commit(0, 3);
  ASSERT_TRUE(first) << first.error().message;
  const Result<Point> second = commit(1, 5);
  ASSERT_TRUE(second) << second.error().message;

  const Result<HeadChain> chain = reopen()->heads({});

  ASSERT_TRUE(chain);
  EXPECT_TRUE(chain->faults.empty());
  ASSERT_EQ(chain->points.size(), 2U);
  EXPECT_EQ(chain->latest()->id, second->id);
  EXPECT_EQ(chain->points[1].head.previous, first->id);
  ReferenceWalk walk(*chain);
  EXPECT_EQ((*walk.at(chain->points[1]))->size(), 4U);
  EXPECT_EQ(vault->summary(chain->points[0])->host, "host-3");
}

TEST_F(VaultTest, KeepsAChainOfChanges) {
  ASSERT_TRUE(commit(0, 1500));
  ASSERT_TRUE(commit(2, 1501));
  ASSERT_TRUE(commit(5, 1510));

  const Result<HeadChain> chain = vault->heads({});
  ASSERT_TRUE(chain);

  EXPECT_FALSE(chain->points[2].head.full);
  EXPECT_EQ(chain->points[2].head.added.size(), 9U);
  EXPECT_EQ(chain->points[2].head.removed.size(), 3U);
  ReferenceWalk walk(*chain);
  EXPECT_EQ((*walk.at(chain->points[2]))->size(), 1505U);
}

// A store that makes heads up, or moves those of another vault here.
TEST_F(VaultTest, SeesForgedAndForeignHeads) {
  ASSERT_TRUE(commit(0, 3));
  MemStore elsewhere;
  const auto other = *Vault::create_standalone(elsewhere, passphrase("x"), clock, {}, kCheap);
  const Vault::Writer stranger = std::move(*other->standalone_writer());
  Vault::HeadDraft draft;
  ASSERT_TRUE(other->commit(stranger, {}, draft, {}));
  for (const auto& [name, body] : elsewhere.snapshot()) {
    if (name.kind == ObjectKind::kKey) continue;
    ASSERT_TRUE(store.put(name, body, {}));
  }
  ASSERT_TRUE(store::put_named(store, ObjectKind::kHead, tests::bytes("OBHUTHD1 garbage"), {}));

  const Result<HeadChain> chain = vault->heads({});

  ASSERT_TRUE(chain);
  EXPECT_EQ(chain->points.size(), 1U);
  ASSERT_EQ(chain->faults.size(), 2U);
  std::multiset<ChainFault::Kind> kinds;
  for (const ChainFault& fault : chain->faults) kinds.insert(fault.kind);
  EXPECT_EQ(kinds.count(ChainFault::Kind::kForged), 1U);
  EXPECT_EQ(kinds.count(ChainFault::Kind::kUnreadable), 1U);
}

// The signers of another vault's root do not count here.
TEST_F(VaultTest, BelievesNoSignerThatTheStoreBroughtIn) {
  const seal::Keyring foreign = tests::sample_keyring();
  const crypto::SigningKey key = crypto::SigningKey::generate();
  const Bytes forged = *seal_signer(
      foreign, {key.public_key(), tests::id_of_all<DeviceId>(1), clock.now(), std::nullopt});
  ASSERT_TRUE(store::put_named(store, ObjectKind::kKey, forged, {}));

  const auto opened = reopen();

  EXPECT_EQ(opened->signers().size(), 1U);
  EXPECT_EQ(opened->key_faults().size(), 1U);
}

TEST_F(VaultTest, RefusesAHeadWhoseHashIsNotItsName) {
  const Result<Point> point = commit(0, 3);
  ASSERT_TRUE(point);
  const model::ObjectName name{ObjectKind::kHead, point->id};
  Bytes changed = store.snapshot().at(name);
  changed.back() ^= 1;
  store.plant(name, changed);

  const Result<HeadChain> chain = vault->heads({});

  ASSERT_TRUE(chain);
  EXPECT_TRUE(chain->points.empty());
  EXPECT_EQ(chain->faults[0].kind, ChainFault::Kind::kUnreadable);
}

TEST_F(VaultTest, DoesNotTakeASilentStoreForAnEmptyOne) {
  ASSERT_TRUE(commit(0, 3));
  tests::FaultyStore network(store);
  const auto opened = *Vault::open(network, passphrase("open sesame"), {});
  network.fail_from(network.calls() + 1, {ErrorKind::kUnavailable, "no route"});

  const Result<HeadChain> chain = opened->heads({});

  ASSERT_FALSE(chain);
  EXPECT_EQ(chain.error().kind, ErrorKind::kUnavailable);
}

TEST_F(VaultTest, HidesDroppedPointsAndSweepsWhatNobodyNeeds) {
  std::vector<Sha256> ids;
  for (std::uint32_t i = 0; i < 4; ++i) ids.push_back(commit(0, 1500 + i)->id);

  ASSERT_TRUE(vault->mark_dropped(std::vector{ids[0], ids[1]}, {}));
  EXPECT_EQ(reopen()->heads({})->kept().size(), 2U);

  // All but the first are changes: every one is still needed.
  EXPECT_EQ(vault->sweep_heads(store, {}).value_or(99), 0U);
  const Result<HeadChain> chain = reopen()->heads({});
  ASSERT_TRUE(chain);
  EXPECT_TRUE(chain->faults.empty());
  EXPECT_EQ(chain->points.size(), 4U);
  EXPECT_EQ(chain->kept().size(), 2U);
}

TEST_F(VaultTest, SweepsHeadsAndListsThatNothingNeeds) {
  std::vector<Sha256> ids;
  for (std::uint32_t i = 0; i < 4; ++i) ids.push_back(commit(0, 5 + i)->id);
  const std::size_t keys = store.count(ObjectKind::kKey);
  ASSERT_TRUE(vault->mark_dropped(std::vector{ids[0]}, {}));
  ASSERT_TRUE(vault->mark_dropped(std::vector{ids[1]}, {}));
  ASSERT_EQ(store.count(ObjectKind::kKey), keys + 2);

  EXPECT_EQ(vault->sweep_heads(store, {}).value_or(99), 2U);

  EXPECT_EQ(store.count(ObjectKind::kHead), 2U);
  EXPECT_EQ(store.count(ObjectKind::kKey), keys);
  const Result<HeadChain> chain = reopen()->heads({});
  EXPECT_TRUE(chain->faults.empty());
  EXPECT_EQ(chain->latest()->id, ids[3]);
}

TEST_F(VaultTest, AdoptsPacksThatACutOffRunLeft) {
  const StoredPack orphan = put_pack(store, vault->keyring(), {tests::random_bytes(100, 2)});
  const Bytes torn = tests::random_bytes(5000, 3);
  ASSERT_TRUE(store::put_named(store, ObjectKind::kPack, torn, {}));
  const auto packs = *store.list(ObjectKind::kPack, {});

  const Result<Adopted> adopted = adopt_packs(store, vault->keyring(), packs, {});

  ASSERT_TRUE(adopted);
  ASSERT_EQ(adopted->packs.size(), 1U);
  EXPECT_EQ(adopted->packs[0], orphan.info);
  ASSERT_EQ(adopted->unreadable.size(), 1U);
  EXPECT_EQ(adopted->unreadable[0].pack.size, 5000U);
}

TEST(DeviceVault, IsWrittenByItsDeviceOnly) {
  MemStore store;
  FakeClock clock;
  const crypto::SigningKey key = crypto::SigningKey::generate();
  const DeviceId device = tests::id_of_all<DeviceId>(0xd0);
  const auto vault =
      *Vault::create_for_device(store, seal::Keyring::generate(),
                                MachineSecret{crypto::SecretBytes(32)}, device, key, clock, {});

  EXPECT_FALSE(vault->standalone_writer()) << "the private key stays on the device";
  ASSERT_TRUE(vault->commit({key.clone(), device}, {}, {}, {}));
  EXPECT_EQ(vault->heads({})->points.size(), 1U);
  const DeviceId other = tests::id_of_all<DeviceId>(0xd1);
  ASSERT_TRUE(vault->commit({key.clone(), other}, *vault->heads({}), {}, {}));
  EXPECT_EQ(vault->heads({})->faults.size(), 1U) << "its key signs for itself alone";
}

}  // namespace
}  // namespace obhut::vault
