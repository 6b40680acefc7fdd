#include "agent/chunk/gear.h"

#include "agent/base/check.h"
#include "agent/base/codec.h"

namespace obhut::chunk {

GearTable GearTable::from_key(ByteView key) {
  CHECK(key.size() == kKeySize);
  Reader in(key);
  GearTable table;
  for (std::uint32_t& word : table.low) word = in.u32();
  for (std::uint32_t& word : table.high) word = in.u32();
  return table;
}

std::array<std::uint32_t, 256> GearTable::expand() const {
  std::array<std::uint32_t, 256> words{};
  for (std::size_t b = 0; b < words.size(); ++b) words[b] = low[b & 15U] + high[b >> 4U];
  return words;
}

}  // namespace obhut::chunk
