#include "service/billing/daily_usage.h"

#include <algorithm>
#include <limits>

#include "agent/base/time_text.h"
#include "service/billing/usage_fold.h"

namespace obhut::billing {
namespace {

constexpr std::chrono::microseconds kInstant{1};

std::uint64_t narrowed(Wide bytes) {
  return static_cast<std::uint64_t>(
      std::min<Wide>(bytes, std::numeric_limits<std::uint64_t>::max()));
}

/// Nothing is free within.
MonthFrame frame_of(const MonthFrame& month, Instant start, Instant end) {
  MonthFrame frame = month;
  frame.start = start;
  frame.end = end;
  frame.kind_is_free.assign(frame.kind_is_free.size(), false);
  frame.location_is_free = {};
  return frame;
}

class DayReader {
 public:
  DayReader(const EventSet& events, const PriceList& prices, const MonthFrame& month)
      : events_(events), prices_(prices), month_(month) {}

  Result<DailyUsage> read(const CustomerEvents& customer, Instant start, Instant end) {
    ASSIGN_OR_RETURN(const CustomerUsage used,
                     usage_of(customer, frame_of(month_, start, end), prices_));
    ASSIGN_OR_RETURN(const CustomerUsage last,
                     usage_of(customer, frame_of(month_, end - kInstant, end), prices_));
    DailyUsage day;
    day.customer = customer.name;
    for (std::size_t i = 0; i < used.storage.size(); ++i) {
      const StorageUse& use = used.storage[i];
      if (use.max_bytes == 0) continue;
      const Event& event = customer.events[use.evidence];
      ASSIGN_OR_RETURN(EventNames names, events_.names_of(event));
      day.storage.push_back({static_cast<Location>(i), narrowed(use.max_bytes),
                             std::max(event.at(), start), std::move(names.id),
                             std::move(names.object), narrowed(last.storage[i].max_bytes)});
    }
    for (const std::uint32_t activation : used.activations) {
      ++day.workloads[std::string(events_.kind_name(customer.events[activation].kind()))];
    }
    return day;
  }

 private:
  const EventSet& events_;
  const PriceList& prices_;
  const MonthFrame& month_;
};

}  // namespace

Result<std::vector<DailyUsage>> daily_usage(const EventSet& events, const PriceList& prices,
                                            Month month, std::string_view customer, Instant until) {
  ASSIGN_OR_RETURN(const MonthFrame frame, MonthFrame::make(month, events, prices));
  DayReader reader(events, prices, frame);
  std::vector<DailyUsage> days;
  for (const CustomerEvents& each : events.customers()) {
    if (!customer.empty() && each.name != customer) continue;
    for (int number = 0;; ++number) {
      const Instant start = prices.calendar().plus_days(frame.start, number);
      if (start >= std::min(until, frame.end)) break;
      const Instant end = std::min(prices.calendar().plus_days(frame.start, number + 1), until);
      ASSIGN_OR_RETURN(DailyUsage day, reader.read(each, start, end));
      if (day.storage.empty() && day.workloads.empty()) continue;
      const std::string text = std::to_string(number + 1);
      day.day = month.text() + (text.size() < 2 ? "-0" : "-") + text;
      days.push_back(std::move(day));
    }
  }
  return days;
}

Result<std::array<std::uint64_t, kLocations>> levels_at(const CustomerEvents& customer,
                                                        const EventSet& events,
                                                        const PriceList& prices, Instant at) {
  ASSIGN_OR_RETURN(const MonthFrame month,
                   MonthFrame::make(prices.calendar().month_of(at), events, prices));
  ASSIGN_OR_RETURN(const CustomerUsage usage,
                   usage_of(customer, frame_of(month, at, at + kInstant), prices));
  std::array<std::uint64_t, kLocations> levels{};
  for (std::size_t i = 0; i < levels.size(); ++i) {
    levels[i] = narrowed(usage.storage[i].max_bytes);
  }
  return levels;
}

std::uint64_t room_in_quantity(std::uint64_t month_max, std::uint64_t level, const Policy& policy) {
  if (month_max == 0) return 0;
  const auto quantity = gigabytes(month_max, policy.gb_bytes, policy.gb_step);
  if (!quantity) return 0;
  Wide bytes = quantity->units * policy.gb_bytes;
  for (int i = 0; i < quantity->decimals; ++i) bytes /= 10;
  return bytes > level ? narrowed(bytes - level) : 0;
}

}  // namespace obhut::billing
