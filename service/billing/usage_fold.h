#pragma once
// What one customer used in one month: a pure fold over its events (BILLING.md sections 2 and 4).

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "agent/base/result.h"
#include "service/billing/event_set.h"
#include "service/billing/money.h"
#include "service/billing/month.h"
#include "service/billing/price_list.h"

namespace obhut::billing {

/// One month as the fold needs it, made once for all customers.
struct MonthFrame {
  Month month;
  Instant start;  ///< its first instant
  Instant end;    ///< the first instant of the next month
  const Policy* policy = nullptr;
  std::vector<bool> kind_is_free;  ///< in a trial, by number of the kind
  std::array<bool, kLocations> location_is_free{};

  /// Errors: kInvalidInput where the price list has no policy for the month.
  static Result<MonthFrame> make(Month month, const EventSet& events, const PriceList& prices);
};

enum class NoticeCode : std::uint8_t { kNotAlive, kTrialUsed };

struct StorageUse {
  Wide max_bytes = 0;  ///< 0: nothing that counts
  /// Index of a storage event of the location, one of the last instant at or before the first
  /// counted instant of the maximum. Which of that instant is the last, the ids say.
  std::uint32_t evidence = 0;
  Instant first_use{};
};

struct CustomerUsage {
  std::optional<Mode> mode;  ///< nothing where the customer did not live in the month
  /// Indexes of the activation that began each counted workload's last counted activity.
  std::vector<std::uint32_t> activations;
  std::array<StorageUse, kLocations> storage;
  std::vector<std::pair<std::uint32_t, NoticeCode>> notices;
};

/// Indexes count in customer.events.
/// Errors: kInvalidInput where the trial began in a month without a policy.
Result<CustomerUsage> usage_of(const CustomerEvents& customer, const MonthFrame& frame,
                               const PriceList& prices);

}  // namespace obhut::billing
