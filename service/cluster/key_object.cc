#include "service/cluster/key_object.h"

#include "agent/base/codec.h"

namespace obhut::cluster {
namespace {

constexpr std::string_view kSlotMagic = "OBHUTKEY";
constexpr std::uint8_t kEscrowSlot = 4;

}  // namespace

bool is_outside_slot(ByteView key_object) {
  Reader reader(key_object);
  const ByteView magic = reader.raw(kSlotMagic.size());
  reader.u16();  // version
  const std::uint8_t type = reader.u8();
  return reader.ok() && as_text(magic) == kSlotMagic && type == kEscrowSlot;
}

}  // namespace obhut::cluster
