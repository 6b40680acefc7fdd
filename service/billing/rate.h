#pragma once
// The bill of a month: a pure function of events, prices and the months closed (BILLING.md).

#include <iosfwd>
#include <span>
#include <string>

#include "agent/base/result.h"
#include "service/billing/bill.h"
#include "service/billing/event_set.h"
#include "service/billing/month.h"
#include "service/billing/price_list.h"

namespace obhut::billing {

/// The bill of `month`. Where `month` follows the last one closed it also holds, for every month
/// closed, what today's events change in it.
/// In: `closed` in any order.
/// Errors: kInvalidInput, naming file and field: months closed twice or with a gap, in another
/// currency; no policy or price for what was used; amounts that do not fit into 64 bits.
/// kCorrupt: the event file was changed meanwhile.
Result<Bill> rate(const EventSet& events, const PriceList& prices, Month month,
                  std::span<const ClosedBill> closed);

enum class BillFormat : std::uint8_t { kJson, kCsv };
std::string bill_to_text(const Bill& bill, BillFormat format);

struct RateOptions {
  std::string events;      ///< file of JSON lines
  std::string prices;      ///< JSON file
  std::string month;       ///< YYYY-MM
  std::string closed_dir;  ///< empty: no month is closed
  std::string format = "json";
};

/// The whole output of `obhut-cluster rate`. Errors name the option or the file, line and field.
Result<std::string> rate_files(const RateOptions& options);

/// `obhut-cluster rate`: writes the bill to `out`, or one line to `err` and nothing to `out`.
/// Returns the exit code: 0, or 2 for bad input.
int rate_command(const RateOptions& options, std::ostream& out, std::ostream& err);

}  // namespace obhut::billing
