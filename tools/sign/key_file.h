#pragma once
// obhut.key/1: one private key in a file of its own, plain (0600) or under a passphrase.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "agent/crypto/secret.h"
#include "agent/crypto/signing.h"

namespace obhut::sign {

/// Asks for the passphrase of the key that the text names.
using AskPassphrase = std::function<Result<crypto::SecretBytes>(std::string_view key)>;

/// The file's content; `passphrase` absent leaves the key plain.
Result<std::string> encode_key(const crypto::SigningKey& key,
                               const std::optional<crypto::SecretBytes>& passphrase);
Result<std::string> encode_key(const crypto::ExchangeKey& key,
                               const std::optional<crypto::SecretBytes>& passphrase);

/// Errors: kInvalidInput for another kind of file, kCrypto for a wrong passphrase, and what `ask`
/// gives.
Result<crypto::SigningKey> decode_signing_key(std::string_view text, const AskPassphrase& ask);
Result<crypto::ExchangeKey> decode_exchange_key(std::string_view text, const AskPassphrase& ask);

/// The public half alone, without a passphrase. Errors: kInvalidInput.
Result<std::string> public_half_of(std::string_view text);

}  // namespace obhut::sign
