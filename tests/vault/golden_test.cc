// The bytes of key slots, signers and recovery keys, for ever. tests/data/README.md says how they
// were made.

#include "tests/support/golden.h"

#include <gtest/gtest.h>

#include "agent/vault/key_slot.h"
#include "tests/support/samples.h"

namespace obhut::vault {
namespace {

constexpr Instant kNow{std::chrono::microseconds(1'700'000'000'123'456)};

void expect_golden(const std::string& name, const KeySource& source) {
  const seal::Keyring keyring = tests::sample_keyring(0x76, 2);
  const Result<Bytes> slot =
      seal_slot_with(keyring, source, kNow, {1024, 8, 1},
                     {tests::id_of_all<SlotId>(0x51), tests::id_of_all<seal::Salt>(0x5a)});

  ASSERT_TRUE(slot);
  const Bytes stored = tests::golden(name, *slot);
  EXPECT_EQ(to_hex(*slot), to_hex(stored));
  EXPECT_TRUE(open_slot(stored, source));
}

TEST(KeySlotGolden, AreTheBytesThatStandInTheTree) {
  expect_golden("slot-machine-v1.bin", MachineSecret{crypto::SecretBytes(ByteView(Bytes(32, 1)))});
  expect_golden("slot-recovery-v1.bin", RecoveryKey(Bytes(32, 2)));
  expect_golden("slot-passphrase-v1.bin",
                Passphrase{crypto::SecretBytes(tests::bytes("correct horse"))});
}

// Its ephemeral key is random, so that the stored one is opened instead of made again.
TEST(KeySlotGolden, OfAnEscrowOpensStill) {
  const KeySource source = EscrowSecret{std::move(*crypto::ExchangeKey::from_bytes(Bytes(32, 4)))};
  const Result<Bytes> fresh = seal_slot(tests::sample_keyring(0x76, 2), source, kNow);
  ASSERT_TRUE(fresh);

  const Bytes stored = tests::golden("slot-escrow-v1.bin", *fresh);

  EXPECT_EQ(stored.size(), fresh->size());
  const Result<seal::Keyring> opened = open_slot(stored, source);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->current(), 2U);
}

TEST(EscrowAnswerGolden, OpensStill) {
  const crypto::ExchangeKey key = std::move(*crypto::ExchangeKey::from_bytes(Bytes(32, 4)));
  const seal::Keyring keyring = tests::sample_keyring(0x76, 2);
  const Result<Bytes> fresh = seal_roots_to(key.public_key(), "golden", keyring);
  ASSERT_TRUE(fresh);

  const Bytes stored = tests::golden("escrow-answer-v1.bin", *fresh);

  EXPECT_EQ(stored.size(), fresh->size());
  const Result<seal::Keyring> opened = open_roots(key, "golden", keyring.vault(), stored);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->current(), 2U);
  EXPECT_EQ(open_roots(key, "Golden", keyring.vault(), stored).error().kind, ErrorKind::kCrypto);
}

TEST(RecoveryKeyGolden, IsTheTextThatPeopleHaveOnPaper) {
  const std::string text = RecoveryKey(tests::random_bytes(32, 1)).text();

  EXPECT_EQ(text, std::string(as_text(tests::golden("recovery-key-v1.txt", as_bytes(text)))));
}

}  // namespace
}  // namespace obhut::vault
