#include "agent/vault/recovery_key.h"

#include <array>

#include "agent/base/check.h"
#include "agent/base/text.h"
#include "agent/crypto/random.h"

namespace obhut::vault {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr std::size_t kDataLetters = 52;
constexpr std::size_t kCheckLetters = 6;
constexpr std::size_t kLetters = kDataLetters + kCheckLetters;
constexpr std::size_t kGroup = 4;
/// BIP 350.
constexpr std::uint32_t kConstant = 0x2bc830a3;

/// One step of the division by the generator of BIP 173.
std::uint32_t step(std::uint32_t remainder, std::uint32_t value) {
  constexpr std::array<std::uint32_t, 5> kGenerator = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa,
                                                       0x3d4233dd, 0x2a1462b3};
  const std::uint32_t top = remainder >> 25U;
  remainder = (remainder & 0x1ffffffU) << 5U ^ value;
  for (unsigned i = 0; i < kGenerator.size(); ++i) {
    if ((top >> i & 1U) != 0) remainder ^= kGenerator[i];
  }
  return remainder;
}

std::uint32_t value_of(char letter) {
  return static_cast<std::uint32_t>(kAlphabet.find(letter));
}

std::string check_group(std::string_view data) {
  std::uint32_t remainder = 1;
  for (const char letter : data) remainder = step(remainder, value_of(letter));
  for (std::size_t i = 0; i < kCheckLetters; ++i) remainder = step(remainder, 0);
  remainder ^= kConstant;
  std::string check;
  for (std::size_t i = 0; i < kCheckLetters; ++i) {
    check.push_back(kAlphabet[remainder >> (5 * (kCheckLetters - 1 - i)) & 31U]);
  }
  return check;
}

bool is_separator(char c) {
  return c == '-' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/// The letter that was meant, 0 where there is none.
char letter_of(char c) {
  if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  if (c == '0') c = 'O';
  if (c == '1') c = 'I';
  if (c == '8') c = 'B';
  return kAlphabet.find(c) == std::string_view::npos ? '\0' : c;
}

}  // namespace

RecoveryKey::RecoveryKey(ByteView secret) : secret_(secret) {
  CHECK(secret.size() == kRecoveryKeySize);
}

RecoveryKey RecoveryKey::generate() {
  crypto::SecretBytes secret(kRecoveryKeySize);
  crypto::fill_random(secret.writable());
  return RecoveryKey(secret.view());
}

Result<RecoveryKey> RecoveryKey::parse(std::string_view text) {
  std::string letters;
  for (const char c : text) {
    if (is_separator(c)) continue;
    const char letter = letter_of(c);
    if (letter == '\0') {
      return fail(ErrorKind::kInvalidInput, "recovery key: only letters, digits 2 to 7 and dashes");
    }
    letters.push_back(letter);
    if (letters.size() > kLetters) break;
  }
  if (letters.size() != kLetters) {
    return fail(ErrorKind::kInvalidInput,
                "recovery key: has 58 letters in 14 groups; a part is missing or too much");
  }
  const std::string data = letters.substr(0, kDataLetters);
  if (check_group(data) != letters.substr(kDataLetters)) {
    return fail(ErrorKind::kInvalidInput,
                "recovery key: the last group does not match the others; look for a wrong letter");
  }
  std::optional<Bytes> bytes = from_base32(data);
  if (!bytes || bytes->size() != kRecoveryKeySize) {
    return fail(ErrorKind::kInvalidInput, "recovery key: not one that we made");
  }
  RecoveryKey key(*bytes);
  crypto::wipe(*bytes);
  return key;
}

std::string RecoveryKey::text() const {
  const std::string data = to_base32(secret_.view());
  CHECK(data.size() == kDataLetters);
  std::string text;
  for (std::size_t i = 0; i < data.size(); i += kGroup) text += data.substr(i, kGroup) + "-";
  return text + check_group(data);
}

bool has_recovery_key_form(std::string_view text) {
  std::size_t letters = 0;
  std::size_t group = 0;
  std::size_t groups_of_four = 0;
  for (const char c : text) {
    if (is_separator(c)) {
      groups_of_four += group == kGroup ? 1 : 0;
      group = 0;
    } else if (letter_of(c) == '\0') {
      return false;
    } else {
      ++letters;
      ++group;
    }
  }
  // Whoever has eleven groups of four has meant a key, even with a letter lost in another.
  constexpr std::size_t kEnoughGroups = 11;
  return letters == kLetters || groups_of_four >= kEnoughGroups;
}

}  // namespace obhut::vault
