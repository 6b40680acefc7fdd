#pragma once
// A device's id follows from its key.

#include "agent/base/ids.h"

namespace obhut::trust {

/// The first 16 bytes of SHA-256 over "obhut.device/1" and the key: nobody can enrol, sign or ask
/// under another device's id.
DeviceId device_id_of(const SigningKeyId& key);

}  // namespace obhut::trust
