#pragma once
// Keys from keys (HKDF-SHA256, RFC 5869) and from passphrases (scrypt, RFC 7914).

#include <cstdint>
#include <string_view>

#include "agent/base/bytes.h"
#include "agent/base/result.h"
#include "agent/crypto/secret.h"

namespace obhut::crypto {

SecretBytes hkdf_sha256(ByteView key, ByteView salt, ByteView info, std::size_t length);

/// Cost of a passphrase. The default takes 128 MiB and about half a second.
struct ScryptCost {
  std::uint64_t n = 1U << 17U;
  std::uint32_t r = 8;
  std::uint32_t p = 1;
};

/// Errors: kInvalidInput for a cost beyond N 2^20, r 8, p 4, or N no power of two: a hostile key
/// slot must not eat the machine.
Result<SecretBytes> scrypt(ByteView passphrase, ByteView salt, const ScryptCost& cost,
                           std::size_t length);

}  // namespace obhut::crypto
