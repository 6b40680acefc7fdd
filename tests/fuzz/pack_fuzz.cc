// Header, trailer and opened footer of a pack; every blob must lie inside the pack.

#include "agent/pack/pack_reader.h"
#include "tests/fuzz/require.h"

using namespace obhut;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  (void)pack::parse_pack_header(bytes);
  (void)pack::parse_pack_trailer(bytes);
  constexpr std::uint64_t kFooterOffset = 1U << 20U;
  pack::PackInfo info;
  info.size = kFooterOffset + (1U << 16U);
  if (pack::parse_pack_footer(bytes, kFooterOffset, info)) {
    for (const pack::BlobEntry& blob : info.blobs) {
      REQUIRE(std::uint64_t{blob.offset} + blob.sealed_length <= kFooterOffset);
    }
  }
  return 0;
}
