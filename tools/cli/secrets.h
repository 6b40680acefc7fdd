#pragma once
// Where keys come from: a file, or a person at a terminal.

#include <string>

#include "agent/base/result.h"
#include "agent/vault/key_slot.h"
#include "tools/cli/context.h"

namespace obhut::cli {

/// From `key_file` ("-": standard input), or asked for on the terminal where it is empty.
/// Errors: kInvalidInput for an empty file, a mistyped recovery key, and where there is neither a
/// file nor a terminal: a script must never hang on a question.
Result<vault::KeySource> read_key(const Context& context, const std::string& key_file);
/// The text itself, for the daemon to open a vault with: what read_key() would take, checked
/// likewise.
Result<crypto::SecretBytes> read_key_text(const Context& context, const std::string& key_file);
/// The same as read_key() for a new passphrase: asked for twice.
Result<vault::KeySource> read_new_key(const Context& context, const std::string& key_file);
/// Likewise. Errors: kInvalidInput for a recovery key: whoever has one file for both loses both.
Result<vault::Passphrase> read_new_passphrase(const Context& context, const std::string& key_file);

}  // namespace obhut::cli
