#pragma once
// The lines of one month, before their evidence is looked up: a correction needs every amount of
// every closed month, but the evidence only of the few that changed.

#include <cstdint>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "service/billing/bill.h"
#include "service/billing/event_set.h"
#include "service/billing/usage_fold.h"

namespace obhut::billing {

/// A line whose evidence is still a set of places in the customer's events.
struct RatedLine {
  const CustomerEvents* customer = nullptr;
  std::string product;
  bool is_storage = false;
  Decimal quantity;
  std::uint64_t unit_micro = 0;
  std::int64_t amount_cents = 0;
  Instant first_use{};
  std::vector<std::uint32_t> evidence;
  bool receipt_clock = false;
};

struct RatedNotice {
  const Event* event = nullptr;
  NoticeCode code = NoticeCode::kNotAlive;
};

struct RatedMonth {
  std::vector<RatedLine> lines;  ///< sorted by customer and product
  std::vector<RatedNotice> notices;
};

/// Errors: kInvalidInput for a missing policy or price, or an amount that does not fit.
Result<RatedMonth> rate_month(const EventSet& events, const PriceList& prices, Month month);

/// The ids behind a line, sorted.
Result<std::vector<std::string>> evidence_of(const EventSet& events, const RatedLine& line);

}  // namespace obhut::billing
