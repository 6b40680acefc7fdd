// Plans arrive signed, but an operator's tool may be wrong or stolen.

#include "agent/plan/plan_check.h"
#include "agent/plan/plan_codec.h"
#include "tests/fuzz/require.h"

using namespace obhut;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text(ByteView(data, size));
  if (const auto parsed = plan::parse_plan(text)) {
    const std::string spelled = plan::serialize_plan(*parsed);
    const auto again = plan::parse_plan(spelled);
    REQUIRE(again.has_value());
    REQUIRE(plan::serialize_plan(*again) == spelled);
    (void)plan::check_plan_file(text, Instant{});
  }
  return 0;
}
