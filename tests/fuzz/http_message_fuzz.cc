// Request targets, forms and ranges as the server takes them apart before anybody has said who
// asks.

#include "agent/base/text.h"
#include "service/cluster/http/message.h"
#include "tests/fuzz/require.h"

using namespace obhut;
using namespace obhut::cluster;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text = as_text(ByteView(data, size)).substr(1);
  if (const auto target = http::split_target(text)) {
    const std::string& path = target->first;
    REQUIRE(path.starts_with('/') && is_utf8(path));
    REQUIRE(path.find('\0') == std::string::npos);
    REQUIRE((path + "/").find("/../") == std::string::npos);
    REQUIRE((path + "/").find("/./") == std::string::npos);
    // What comes out decoded is one path for good: asked for again it is the same.
    if (path.find_first_of("%?#") == std::string::npos) {
      const auto again = http::split_target(path);
      REQUIRE(!again || again->first == path);
    }
  }
  if (const auto form = http::parse_form(text)) REQUIRE(form->size() <= 64);
  const std::uint64_t length = std::uint64_t{1} << (data[0] % 64U);
  for (const std::uint64_t whole : {std::uint64_t{0}, length, length - 1}) {
    const http::RangeAnswer range = http::parse_range(text, whole);
    if (!range.satisfiable) continue;
    REQUIRE(range.range.offset <= whole && range.range.length <= whole - range.range.offset);
  }
  return 0;
}
