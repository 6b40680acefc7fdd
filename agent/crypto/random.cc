#include "agent/crypto/random.h"

#include <openssl/rand.h>

#include "agent/base/check.h"

namespace obhut::crypto {

void fill_random(MutableByteView out) {
  CHECK(out.size() <= 1U << 30U);
  CHECK(RAND_bytes(out.data(), static_cast<int>(out.size())) == 1);
}

}  // namespace obhut::crypto
