#pragma once
// A recovery key opens two doors: a slot of its vault, and, by the access key that comes of it, the
// cluster that keeps the vault, where no device is left to ask. FORMAT.md.

#include "agent/base/bytes.h"
#include "agent/crypto/signing.h"

namespace obhut::trust {

/// Signs in as a device's key does, with the id that follows from it. The cluster knows the public
/// half alone, from which nothing leads to the slot's key.
/// In: the 32 bytes of a recovery key.
crypto::SigningKey recovery_access_key(ByteView recovery_key);

}  // namespace obhut::trust
