#include "agent/trust/device_id.h"

#include "agent/base/codec.h"
#include "agent/crypto/digest.h"

namespace obhut::trust {

DeviceId device_id_of(const SigningKeyId& key) {
  Writer writer;
  writer.text("obhut.device/1");
  writer.id(key);
  const Sha256 hash = crypto::sha256(writer.bytes());
  return *DeviceId::from_bytes(hash.bytes().first(DeviceId::kSize));
}

}  // namespace obhut::trust
