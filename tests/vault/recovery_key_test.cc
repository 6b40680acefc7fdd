#include "agent/vault/recovery_key.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/support/samples.h"

namespace obhut::vault {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

RecoveryKey sample() {
  return RecoveryKey(tests::random_bytes(32, 1));
}

TEST(RecoveryKey, GivesBackItsSecretFromItsText) {
  const RecoveryKey key = sample();

  const Result<RecoveryKey> read = RecoveryKey::parse(key.text());

  ASSERT_TRUE(read) << read.error().message;
  EXPECT_TRUE(equal(read->secret().view(), key.secret().view()));
  EXPECT_EQ(key.text().size(), 71U);
  EXPECT_EQ(std::ranges::count(key.text(), '-'), 13);
}

TEST(RecoveryKey, IsReadAsPeopleTypeIt) {
  std::string text = sample().text();
  std::string lower = text;
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return static_cast<char>(std::tolower(c)); });
  std::string alike = text;
  std::ranges::replace(alike, 'O', '0');
  std::ranges::replace(alike, 'I', '1');
  std::ranges::replace(alike, 'B', '8');
  std::string spaced = text;
  std::ranges::replace(spaced, '-', ' ');
  std::string tight = text;
  std::erase(tight, '-');

  for (const std::string& typed : {lower, alike, spaced, tight, "  " + text + "\r\n"}) {
    EXPECT_TRUE(RecoveryKey::parse(typed)) << typed;
  }
}

TEST(RecoveryKey, FindsEveryWrongLetter) {
  const std::string text = sample().text();

  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '-') continue;
    for (const char letter : kAlphabet) {
      if (letter == text[at]) continue;
      std::string typo = text;
      typo[at] = letter;
      ASSERT_FALSE(RecoveryKey::parse(typo)) << typo;
    }
  }
}

TEST(RecoveryKey, FindsEveryTwoSwappedLetters) {
  const std::string text = sample().text();

  for (std::size_t a = 0; a < text.size(); ++a) {
    for (std::size_t b = a + 1; b < text.size(); ++b) {
      if (text[a] == '-' || text[b] == '-' || text[a] == text[b]) continue;
      std::string swapped = text;
      std::swap(swapped[a], swapped[b]);
      ASSERT_FALSE(RecoveryKey::parse(swapped)) << swapped;
    }
  }
}

TEST(RecoveryKey, FindsMissingAndExtraLetters) {
  const std::string text = sample().text();

  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '-') continue;
    std::string shorter = text;
    shorter.erase(at, 1);
    ASSERT_FALSE(RecoveryKey::parse(shorter));
    std::string longer = text;
    longer.insert(at, 1, 'A');
    ASSERT_FALSE(RecoveryKey::parse(longer));
  }
}

TEST(RecoveryKey, IsToldFromAPassphraseEvenWithATypo) {
  std::string typo = sample().text();
  typo[0] = typo[0] == 'A' ? 'C' : 'A';
  std::string lost = sample().text();
  lost.erase(10, 2);

  EXPECT_TRUE(has_recovery_key_form(sample().text()));
  EXPECT_TRUE(has_recovery_key_form(typo));
  EXPECT_TRUE(has_recovery_key_form(lost));
  EXPECT_FALSE(has_recovery_key_form("correct horse battery staple"));
  EXPECT_FALSE(has_recovery_key_form("hunter2"));
}

}  // namespace
}  // namespace obhut::vault
