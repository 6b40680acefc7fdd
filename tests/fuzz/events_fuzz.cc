// Events, price lists and closed bills as somebody may hand them in for a recomputation.

#include "agent/base/text.h"
#include "service/billing/bill.h"
#include "service/billing/event_set.h"
#include "service/billing/price_list.h"
#include "service/billing/rate.h"
#include "tests/fuzz/require.h"

using namespace obhut;

namespace {

constexpr std::string_view kPrices =
    R"({"currency":"EUR","time_zone":"Europe/Berlin","policies":[{"from":"2026-01","gb_bytes":1000000000,)"
    R"("gb_step":"0.1","trial_days":28,"trial_free":["workload/*","storage/vendor"]}],"prices":[)"
    R"({"mode":"per_workload","product":"workload/server","from":"2026-01","micro":12500000},)"
    R"({"mode":"per_workload","product":"storage/provider","from":"2026-01","micro":50000},)"
    R"({"mode":"per_gb","product":"storage/provider","from":"2026-01","micro":50000}]})";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(as_text(ByteView(data, size)));
  static const auto prices = billing::PriceList::parse("prices", kPrices);
  REQUIRE(prices.has_value());
  if (const auto events = billing::EventSet::from_text("events", text)) {
    const auto month = billing::Month::parse("2026-03");
    REQUIRE(month.has_value());
    if (const auto bill = billing::rate(*events, *prices, *month, {})) {
      // The same events twice are the same events.
      const std::string end = text.empty() || text.ends_with('\n') ? "" : "\n";
      const auto doubled = billing::EventSet::from_text("events", text + end + text);
      REQUIRE(doubled.has_value());
      const auto again = billing::rate(*doubled, *prices, *month, {});
      REQUIRE(again.has_value());
      REQUIRE(billing::bill_to_text(*again, billing::BillFormat::kJson) ==
              billing::bill_to_text(*bill, billing::BillFormat::kJson));
    }
  }
  (void)billing::PriceList::parse("prices", text);
  (void)billing::ClosedBill::parse("closed", text);
  return 0;
}
