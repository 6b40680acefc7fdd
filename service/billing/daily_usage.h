#pragma once
// What customers used day by day: the fold that bills, on frames of a day.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "service/billing/event_set.h"
#include "service/billing/price_list.h"

namespace obhut::billing {

/// Of one location on one day. Trials change nothing here: it is what was used, not what it costs.
struct DailyStorage {
  Location location = Location::kProvider;
  std::uint64_t max_bytes = 0;  ///< highest sum over the customer's vaults
  Instant max_since{};          ///< when it first stood on that day
  std::string event;            ///< with which it first stood, perhaps on an earlier day
  std::string vault;            ///< that the event is about
  std::uint64_t end_bytes = 0;  ///< as the day ends, or at `until`
};

struct DailyUsage {
  std::string customer;
  std::string day;                    ///< "2026-03-05", local time of the price list's zone
  std::vector<DailyStorage> storage;  ///< locations with a maximum above 0
  std::map<std::string, std::uint64_t> workloads;  ///< active at some instant, by kind
};

/// A month's days that begin before `until`; by customer, then by day, without days of no use.
/// `customer`: of one alone; "" of all.
/// Errors: kInvalidInput for a month without a policy, kCorrupt: the event file was changed.
Result<std::vector<DailyUsage>> daily_usage(const EventSet& events, const PriceList& prices,
                                            Month month, std::string_view customer, Instant until);

/// The sum of the customer's vaults at one location, as of an instant.
Result<std::array<std::uint64_t, kLocations>> levels_at(const CustomerEvents& customer,
                                                        const EventSet& events,
                                                        const PriceList& prices, Instant at);

/// Bytes that may be added before the month's storage line grows: what is rounded up to already, or
/// stood before in the month. 0 where nothing was stored yet.
std::uint64_t room_in_quantity(std::uint64_t month_max, std::uint64_t level, const Policy& policy);

}  // namespace obhut::billing
