// An opened index object.

#include "agent/pack/pack_index.h"
#include "tests/fuzz/require.h"

using namespace obhut;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (const auto index = pack::parse_index(ByteView(data, size))) {
    const auto again = pack::encode_index(*index);
    REQUIRE(again.has_value());
    const auto reread = pack::parse_index(*again);
    REQUIRE(reread.has_value() && *reread == *index);
  }
  return 0;
}
