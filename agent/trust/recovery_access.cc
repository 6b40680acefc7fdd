#include "agent/trust/recovery_access.h"

#include "agent/base/check.h"
#include "agent/crypto/kdf.h"

namespace obhut::trust {

crypto::SigningKey recovery_access_key(ByteView recovery_key) {
  constexpr std::size_t kSize = 32;
  CHECK(recovery_key.size() == kSize);
  const crypto::SecretBytes seed =
      crypto::hkdf_sha256(recovery_key, {}, as_bytes("obhut/1/recovery-access"), kSize);
  Result<crypto::SigningKey> key = crypto::SigningKey::from_seed(seed.view());
  CHECK(key.has_value());  // any 32 bytes are a seed
  return std::move(*key);
}

}  // namespace obhut::trust
