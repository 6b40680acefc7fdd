#include "service/billing/month.h"

#include <stdexcept>

#include <date/tz.h>

#include "agent/base/text.h"

namespace obhut::billing {
namespace {

using LocalInstant = date::local_time<std::chrono::microseconds>;

/// For every kind of local time, existing once, twice or not at all, the offset in force before
/// the change is the one the rules ask for; date reports it first.
Instant to_instant(const date::time_zone& zone, LocalInstant local) {
  const date::local_info info = zone.get_info(date::floor<std::chrono::seconds>(local));
  return Instant{local.time_since_epoch() - info.first.offset};
}

LocalInstant to_local(const date::time_zone& zone, Instant at) {
  const date::sys_info info = zone.get_info(date::floor<std::chrono::seconds>(at));
  return LocalInstant{at.time_since_epoch() + info.offset};
}

int digits(std::string_view text) {
  int value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

}  // namespace

struct BillingCalendar::Zone {
  const date::time_zone* zone;
};

std::optional<Month> Month::parse(std::string_view text) {
  if (text.size() != 7 || text[4] != '-') return std::nullopt;
  const int year = digits(text.substr(0, 4));
  const int month = digits(text.substr(5));
  if (year < 1 || month < 1 || month > 12) return std::nullopt;
  return Month{year, month};
}

std::string Month::text() const {
  std::string text = std::to_string(year * 100 + month);
  if (text.size() < 6) text.insert(0, 6 - text.size(), '0');
  return text.insert(4, "-");
}

Month Month::next() const {
  return month == 12 ? Month{year + 1, 1} : Month{year, month + 1};
}

Result<BillingCalendar> BillingCalendar::open(std::string_view zone_name) {
  try {
    return BillingCalendar(std::make_shared<Zone>(Zone{date::locate_zone(std::string(zone_name))}));
  } catch (const std::exception&) {
    return fail(ErrorKind::kInvalidInput,
                "unknown time zone \"" + printable(zone_name) + "\" (is tzdata installed?)");
  }
}

Instant BillingCalendar::start_of(Month month) const {
  const date::local_days day = date::local_days{
      date::year{month.year} / date::month{static_cast<unsigned>(month.month)} / 1};
  return to_instant(*zone_->zone, LocalInstant{day});
}

// By the months' first instants: a zone may have gone back over midnight of the first, and then the
// local date is once more the last of the month before.
Month BillingCalendar::month_of(Instant at) const {
  const date::year_month_day day{date::floor<date::days>(to_local(*zone_->zone, at))};
  const Month month{static_cast<int>(day.year()),
                    static_cast<int>(static_cast<unsigned>(day.month()))};
  return at < start_of(month.next()) ? month : month.next();
}

std::string BillingCalendar::day_of(Instant at) const {
  const date::year_month_day day{date::floor<date::days>(to_local(*zone_->zone, at))};
  const auto number = static_cast<unsigned>(day.day());
  const Month month{static_cast<int>(day.year()),
                    static_cast<int>(static_cast<unsigned>(day.month()))};
  return month.text() + (number < 10 ? "-0" : "-") + std::to_string(number);
}

std::optional<Instant> BillingCalendar::start_of_day(std::string_view day) const {
  if (day.size() != 10 || day[7] != '-') return std::nullopt;
  const auto month = Month::parse(day.substr(0, 7));
  const int number = digits(day.substr(8));
  if (!month || number < 1) return std::nullopt;
  const date::year_month_day local = date::year{month->year} /
                                     date::month{static_cast<unsigned>(month->month)} /
                                     date::day{static_cast<unsigned>(number)};
  if (!local.ok()) return std::nullopt;
  return to_instant(*zone_->zone, LocalInstant{date::local_days{local}});
}

Instant BillingCalendar::plus_days(Instant at, int days) const {
  return to_instant(*zone_->zone, to_local(*zone_->zone, at) + date::days{days});
}

}  // namespace obhut::billing
