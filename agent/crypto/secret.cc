#include "agent/crypto/secret.h"

#include <openssl/crypto.h>

namespace obhut::crypto {

void wipe(MutableByteView bytes) {
  if (!bytes.empty()) OPENSSL_cleanse(bytes.data(), bytes.size());
}

void SecretBytes::wipe() {
  obhut::crypto::wipe(bytes_);
}

bool equal_in_constant_time(ByteView a, ByteView b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace obhut::crypto
