#pragma once
// A whole small object sealed in one piece: index objects, signer objects, the summary of a head.
// Bytes: FORMAT.md section 3.

#include <string_view>

#include "agent/base/bytes.h"
#include "agent/base/result.h"
#include "agent/seal/keyring.h"
#include "agent/seal/object_cipher.h"

namespace obhut::seal {

inline constexpr std::size_t kMaxEnvelopePlain = 64U << 20U;

/// Seals under the keyring's current epoch, compressed where that helps, with a fresh salt.
/// In: `context`, more associated data that the opener must know (may be empty).
Result<Bytes> seal_envelope(const Keyring& keyring, SealedKind kind, ByteView context,
                            ByteView plain);
/// The same with a given salt: for golden bytes in tests alone, since a salt must never repeat.
Result<Bytes> seal_envelope_with_salt(const Keyring& keyring, SealedKind kind, ByteView context,
                                      ByteView plain, const Salt& salt);

/// Errors: kCorrupt for what is no envelope of this kind, kCrypto for what does not open.
Result<Bytes> open_envelope(const Keyring& keyring, SealedKind kind, ByteView context,
                            ByteView sealed);

}  // namespace obhut::seal
