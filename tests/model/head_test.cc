#include "agent/model/head.h"

#include <gtest/gtest.h>

#include "tests/support/samples.h"

namespace obhut::model {
namespace {

using tests::id_of_all;

crypto::SigningKey key_of(std::uint8_t value) {
  const Bytes seed(32, value);
  return std::move(*crypto::SigningKey::from_seed(seed));
}

ObjectName pack_named(std::uint8_t value) {
  return {ObjectKind::kPack, id_of_all<Sha256>(value)};
}

Head sample_head(const crypto::SigningKey& key, std::uint64_t sequence = 1) {
  Head head;
  head.vault = id_of_all<VaultId>(0x76);
  head.device = id_of_all<DeviceId>(0xd0);
  head.signer = key.public_key();
  head.sequence = sequence;
  if (sequence > 1) head.previous = id_of_all<Sha256>(0x99);
  head.created = Instant(std::chrono::microseconds(1'700'000'000'123'456));
  head.plan = id_of_all<Sha256>(0x70);
  head.full = sequence == 1;
  head.added = {{pack_named(1), 4096}, {{ObjectKind::kIndex, id_of_all<Sha256>(2)}, 300}};
  head.sealed_summary = tests::bytes("sealed");
  return head;
}

TEST(Head, GivesBackWhatWasSigned) {
  const crypto::SigningKey key = key_of(1);
  Head head = sample_head(key, 7);
  head.removed = {pack_named(8), pack_named(9)};

  const Result<Bytes> bytes = encode_head(head, key);
  ASSERT_TRUE(bytes) << bytes.error().message;
  const SigningKeyId allowed[] = {key_of(2).public_key(), key.public_key()};
  const Result<Head> opened = open_head(*bytes, allowed);

  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(*opened, head);
}

TEST(Head, EveryFlipZeroAndCutIsNoticed) {
  const crypto::SigningKey key = key_of(1);
  const Result<Bytes> bytes = encode_head(sample_head(key), key);
  ASSERT_TRUE(bytes);
  const SigningKeyId allowed[] = {key.public_key()};

  for (std::size_t at = 0; at < bytes->size(); ++at) {
    for (const unsigned mask : {0x01U, 0x80U, 0xffU, unsigned{(*bytes)[at]}}) {
      Bytes changed = *bytes;
      changed[at] = static_cast<std::uint8_t>(changed[at] ^ mask);
      if (changed == *bytes) continue;
      ASSERT_FALSE(open_head(changed, allowed)) << "byte " << at;
    }
    ASSERT_FALSE(open_head(ByteView(*bytes).first(at), allowed)) << "cut at " << at;
  }
  Bytes longer = *bytes;
  longer.push_back(0);
  EXPECT_FALSE(open_head(longer, allowed));
}

TEST(Head, OfAKeyThatIsNotAllowedIsRefused) {
  const crypto::SigningKey stranger = key_of(3);
  const Result<Bytes> bytes = encode_head(sample_head(stranger), stranger);
  ASSERT_TRUE(bytes);
  const SigningKeyId allowed[] = {key_of(1).public_key()};

  const Result<Head> opened = open_head(*bytes, allowed);

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kCrypto);
}

TEST(Head, CannotBeSignedInAnothersName) {
  const crypto::SigningKey key = key_of(1);

  EXPECT_FALSE(encode_head(sample_head(key), key_of(2)));
}

TEST(Head, WithAWrongPlaceInTheChainIsRefused) {
  const crypto::SigningKey key = key_of(1);
  const auto refused = [&](const char* what, auto change) {
    Head head = sample_head(key, 5);
    change(head);
    EXPECT_FALSE(encode_head(head, key)) << what;
  };
  refused("sequence 0", [](Head& head) { head.sequence = 0; });
  refused("first with a previous", [](Head& head) { head.sequence = 1; });
  refused("later without a previous", [](Head& head) { head.previous = {}; });
  refused("first as a change", [](Head& head) {
    head.sequence = 1;
    head.previous = {};
    head.full = false;
  });
  refused("full that removes", [](Head& head) {
    head.full = true;
    head.removed = {pack_named(1)};
  });
  refused("twice the same", [](Head& head) { head.added[1] = head.added[0]; });
  refused("out of order", [](Head& head) { std::swap(head.added[0], head.added[1]); });
  refused("refers to a head", [](Head& head) { head.added[0].name.kind = ObjectKind::kHead; });
  refused("removes a key", [](Head& head) {
    head.removed = {{ObjectKind::kKey, id_of_all<Sha256>(1)}};
  });
}

TEST(Head, WithHugeCountsIsRefused) {
  const crypto::SigningKey key = key_of(1);
  Bytes bytes = *encode_head(sample_head(key), key);
  // added count, after magic, version, flags, vault, device, signer, sequence, previous, created,
  // plan
  const std::size_t at = 8 + 2 + 2 + 16 + 16 + 32 + 8 + 32 + 8 + 32;
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), 4, std::uint8_t{0xff});

  const Result<Head> head = parse_head(bytes);

  ASSERT_FALSE(head);
  EXPECT_EQ(head.error().kind, ErrorKind::kCorrupt);
}

ReferenceSet numbered(std::uint32_t from, std::uint32_t to) {
  ReferenceSet set;
  for (std::uint32_t i = from; i < to; ++i) {
    std::array<std::uint8_t, 32> hash{};
    hash[0] = static_cast<std::uint8_t>(i >> 8U);
    hash[1] = static_cast<std::uint8_t>(i);
    set.emplace(ObjectName{ObjectKind::kPack, Sha256(hash)}, i);
  }
  return set;
}

TEST(References, AreGivenInFullWhileTheyAreFew) {
  Head head;
  head.sequence = 5;
  const ReferenceSet before = numbered(0, 1000);
  const ReferenceSet wanted = numbered(10, 1010);

  set_references(head, wanted, &before);

  EXPECT_TRUE(head.full);
  EXPECT_EQ(head.added.size(), 1000U);
}

TEST(References, ResolveOverAChainOfChanges) {
  std::vector<Head> chain;
  ReferenceSet before;
  std::size_t changes = 0;
  for (std::uint32_t i = 0; i < 70; ++i) {
    Head head;
    head.sequence = i + 1;
    const ReferenceSet wanted = numbered(10 * i, 2000 + 20 * i);
    set_references(head, wanted, i == 0 ? nullptr : &before);
    changes += head.full ? 0 : 1;
    chain.push_back(head);
    const Result<ReferenceSet> resolved = resolve_references(chain);
    ASSERT_TRUE(resolved) << resolved.error().message;
    ASSERT_EQ(*resolved, wanted) << i;
    before = wanted;
  }
  EXPECT_EQ(changes, 68U) << "the first and the 64th are full";
  EXPECT_TRUE(chain[63].full);
}

TEST(References, OfABrokenChainAreRefused) {
  Head full;
  full.sequence = 1;
  full.full = true;
  full.added = {{pack_named(1), 1}};
  Head change;
  change.sequence = 2;
  change.added = {{pack_named(2), 1}};

  EXPECT_TRUE(resolve_references(std::vector{full, change}));
  EXPECT_FALSE(resolve_references({}));
  EXPECT_FALSE(resolve_references(std::vector{change}));
  change.sequence = 3;
  EXPECT_FALSE(resolve_references(std::vector{full, change})) << "a link is missing";
  change.sequence = 2;
  change.added = full.added;
  EXPECT_FALSE(resolve_references(std::vector{full, change})) << "added twice";
  change.added = {};
  change.removed = {pack_named(9)};
  EXPECT_FALSE(resolve_references(std::vector{full, change})) << "removes what is not there";
}

}  // namespace
}  // namespace obhut::model
