#pragma once
// The system's randomness; a failure aborts, since nothing may go on with guessable keys.

#include "agent/base/bytes.h"
#include "agent/base/ids.h"

namespace obhut::crypto {

void fill_random(MutableByteView out);

template <class IdType>
IdType random_id() {
  std::array<std::uint8_t, IdType::kSize> bytes{};
  fill_random(bytes);
  return IdType(bytes);
}

}  // namespace obhut::crypto
