#include "agent/vault/key_slot.h"

#include <gtest/gtest.h>

#include "agent/base/codec.h"
#include "tests/support/samples.h"

namespace obhut::vault {
namespace {

using crypto::SecretBytes;
using tests::sample_keyring;

/// Cheap, since a test tells nothing about guessing.
constexpr crypto::ScryptCost kCheap{2, 1, 1};
constexpr Instant kNow{std::chrono::microseconds(1'700'000'000'000'000)};

KeySource passphrase(std::string_view text) {
  return Passphrase{SecretBytes(as_bytes(text))};
}
KeySource machine(std::uint8_t value) {
  return MachineSecret{SecretBytes(ByteView(Bytes(32, value)))};
}
KeySource recovery(std::uint64_t seed) {
  return RecoveryKey(tests::random_bytes(32, seed));
}
KeySource escrow(std::uint8_t value) {
  return EscrowSecret{std::move(*crypto::ExchangeKey::from_bytes(Bytes(32, value)))};
}

std::vector<KeySource> one_of_each() {
  std::vector<KeySource> sources;
  sources.push_back(machine(1));
  sources.push_back(recovery(2));
  sources.push_back(passphrase("three"));
  sources.push_back(escrow(4));
  return sources;
}

TEST(KeySlot, OfEveryTypeOpensWithItsKeyAndNoOther) {
  const seal::Keyring keyring = sample_keyring(0x76, 3);
  const std::vector<KeySource> sources = one_of_each();
  std::vector<KeySource> wrong;
  wrong.push_back(machine(2));
  wrong.push_back(recovery(3));
  wrong.push_back(passphrase("Three"));
  wrong.push_back(escrow(5));

  for (std::size_t i = 0; i < sources.size(); ++i) {
    const Result<Bytes> slot = seal_slot(keyring, sources[i], kNow, kCheap);
    ASSERT_TRUE(slot) << slot.error().message;
    const Result<seal::Keyring> opened = open_slot(*slot, sources[i]);
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ(opened->vault(), keyring.vault());
    EXPECT_EQ(opened->current(), 3U);
    for (const auto& [epoch, root] : keyring.roots()) {
      EXPECT_TRUE(equal(opened->roots().at(epoch).view(), root.view()));
    }
    EXPECT_EQ(open_slot(*slot, wrong[i]).error().kind, ErrorKind::kCrypto);
    for (std::size_t j = 0; j < sources.size(); ++j) {
      if (j != i) {
        EXPECT_FALSE(open_slot(*slot, sources[j]));
      }
    }
  }
}

TEST(KeySlot, SaysItsTypeVaultAndTimeWithoutAKey) {
  const seal::Keyring keyring = sample_keyring();
  const KeySource source = escrow(4);

  const Result<SlotHeader> header = parse_slot(*seal_slot(keyring, source, kNow, kCheap));

  ASSERT_TRUE(header);
  EXPECT_EQ(header->type, SlotType::kEscrow);
  EXPECT_EQ(header->vault, keyring.vault());
  EXPECT_EQ(header->created, kNow);
  EXPECT_EQ(header->recipient, std::get<EscrowSecret>(source).key.public_key());
}

TEST(KeySlot, SealedForAPublicKeyOpensWithThePrivateOne) {
  const KeySource source = escrow(9);
  const auto& key = std::get<EscrowSecret>(source).key;

  const Result<Bytes> slot = seal_escrow_slot(sample_keyring(), key.public_key(), kNow);

  ASSERT_TRUE(slot);
  EXPECT_TRUE(open_slot(*slot, source));
}

TEST(KeySlot, EveryFlipZeroAndCutIsNoticed) {
  for (const KeySource& source : one_of_each()) {
    const Bytes slot = *seal_slot(sample_keyring(), source, kNow, kCheap);
    for (std::size_t at = 0; at < slot.size(); ++at) {
      // The cost field is tried with one bit alone: a hostile cost has a test of its own.
      for (const unsigned mask : {0x01U, 0x80U, unsigned{slot[at]}}) {
        Bytes changed = slot;
        changed[at] = static_cast<std::uint8_t>(changed[at] ^ mask);
        if (changed == slot) continue;
        ASSERT_FALSE(open_slot(changed, source)) << "byte " << at;
      }
      ASSERT_FALSE(open_slot(ByteView(slot).first(at), source)) << "cut at " << at;
    }
  }
}

TEST(KeySlot, AskingForAFortuneOfMemoryIsRefusedBeforeItIsSpent) {
  const KeySource source = passphrase("three");
  const Bytes slot = *seal_slot(sample_keyring(), source, kNow, kCheap);
  const std::size_t cost_at = 8 + 2 + 1 + 1 + 16 + 16 + 8 + 32;
  const auto with = [&](std::uint8_t log_n, std::uint8_t r, std::uint8_t p) {
    Bytes changed = slot;
    changed[cost_at] = log_n;
    changed[cost_at + 1] = r;
    changed[cost_at + 2] = p;
    return changed;
  };

  EXPECT_TRUE(parse_slot(with(20, 8, 4)));
  for (const Bytes& bomb :
       {with(21, 8, 1), with(63, 8, 1), with(255, 1, 1), with(17, 9, 1), with(17, 255, 1),
        with(17, 8, 5), with(17, 8, 255), with(0, 8, 1), with(17, 0, 1), with(17, 8, 0)}) {
    const Result<SlotHeader> header = parse_slot(bomb);
    ASSERT_FALSE(header);
    EXPECT_EQ(header.error().kind, ErrorKind::kInvalidInput);
    EXPECT_FALSE(open_slot(bomb, source));
  }
}

TEST(KeySlot, IsSealedAnewEveryTime) {
  const KeySource source = machine(1);

  EXPECT_NE(*seal_slot(sample_keyring(), source, kNow), *seal_slot(sample_keyring(), source, kNow));
}

TEST(KeyFile, HoldsAPassphraseOrARecoveryKey) {
  const RecoveryKey key(tests::random_bytes(32, 1));

  const Result<KeySource> recovery_key = key_source_from_file_text(key.text() + "\n");
  const Result<KeySource> words = key_source_from_file_text("correct horse battery staple\r\n");
  ASSERT_TRUE(recovery_key);
  ASSERT_TRUE(words);

  EXPECT_EQ(slot_type_of(*recovery_key), SlotType::kRecovery);
  EXPECT_EQ(slot_type_of(*words), SlotType::kPassphrase);
  EXPECT_EQ(as_text(std::get<Passphrase>(*words).text.view()), "correct horse battery staple");
}

TEST(KeyFile, WithAMistypedRecoveryKeyIsNotTakenForAPassphrase) {
  std::string text = RecoveryKey(tests::random_bytes(32, 1)).text();
  text[3] = text[3] == 'A' ? 'C' : 'A';

  const Result<KeySource> source = key_source_from_file_text(text);

  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().kind, ErrorKind::kInvalidInput);
  EXPECT_NE(source.error().message.find("wrong letter"), std::string::npos);
}

TEST(KeyFile, ThatIsEmptyHugeOrBinaryIsRefused) {
  EXPECT_FALSE(key_source_from_file_text(""));
  EXPECT_FALSE(key_source_from_file_text("\n"));
  EXPECT_FALSE(key_source_from_file_text(std::string(5000, 'x')));
  EXPECT_FALSE(key_source_from_file_text(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace obhut::vault
