#pragma once
// The recovery key as a person keeps it: on paper.

#include <optional>
#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "agent/crypto/secret.h"

namespace obhut::vault {

inline constexpr std::size_t kRecoveryKeySize = 32;

/// 32 random bytes as thirteen groups of four letters and a check group of six. The check code
/// (BCH over GF(32), the generator of BIP 173 with the constant of BIP 350) finds any four wrong
/// letters, so any two swapped ones too.
class RecoveryKey {
 public:
  static RecoveryKey generate();
  /// In: 32 bytes (CHECK).
  explicit RecoveryKey(ByteView secret);

  /// Letters in either case, dashes and white space anywhere; 0, 1 and 8 are read as O, I and B.
  /// Errors: kInvalidInput saying whether the form or the check group is wrong.
  static Result<RecoveryKey> parse(std::string_view text);

  /// "ABCD-EFGH-…-JKLMNO", 71 characters. A secret: show it to a person, never to a log.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] const crypto::SecretBytes& secret() const { return secret_; }

 private:
  crypto::SecretBytes secret_;
};

/// True where `text` has the form of a recovery key, whatever its check group says: 58 letters in
/// groups. A passphrase file that holds one with a typo must be told so.
bool has_recovery_key_form(std::string_view text);

}  // namespace obhut::vault
