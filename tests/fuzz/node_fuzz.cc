// Whatever a node part or a piece list holds: no crash, and what was read is read the same again.

#include "agent/model/node.h"
#include "tests/fuzz/require.h"

using namespace obhut;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  if (const auto entries = model::parse_node_part(bytes)) {
    std::string last;
    for (const model::Entry& entry : *entries) {
      REQUIRE(entry.name > last);
      REQUIRE(entry.name != "." && entry.name != "..");
      REQUIRE(entry.name.find('/') == std::string::npos);
      REQUIRE(entry.name.find('\0') == std::string::npos);
      last = entry.name;
    }
    model::NodeWriter writer({.least = 4U << 20U, .average = 4U << 20U, .most = 4U << 20U});
    bool written = true;
    for (const model::Entry& entry : *entries) written = written && writer.add(entry).has_value();
    REQUIRE(written);
    const auto again = writer.finish();
    if (again) {
      const auto reread = model::parse_node_part(*again);
      REQUIRE(reread.has_value() && *reread == *entries);
    }
  }
  if (const auto pieces = model::parse_pieces(bytes)) {
    const auto again = model::encode_pieces(*pieces);
    REQUIRE(again.has_value());
    const auto reread = model::parse_pieces(*again);
    REQUIRE(reread.has_value() && *reread == *pieces);
  }
  return 0;
}
