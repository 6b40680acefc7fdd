#pragma once
// Billing months: calendar months in the time zone of the price list (BILLING.md section 1).

#include <chrono>
#include <compare>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/result.h"

namespace obhut::billing {

/// A calendar month, years 1 to 9999. As text: "2026-03".
struct Month {
  int year = 1970;
  int month = 1;  ///< 1 to 12

  /// Nothing unless `text` is exactly YYYY-MM.
  static std::optional<Month> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  [[nodiscard]] Month next() const;

  friend constexpr auto operator<=>(const Month&, const Month&) = default;
};

/// Local time of one zone, as the rules read it: a local time that does not exist (the hour lost in
/// March) is read with the offset before the change; of one that exists twice the first is meant.
///
/// Thread: safe, immutable.
class BillingCalendar {
 public:
  /// In: an IANA name, "Europe/Berlin". Errors: kInvalidInput for a name the system does not know.
  static Result<BillingCalendar> open(std::string_view zone_name);

  /// The instant at which the month begins; where the next one begins it ends.
  [[nodiscard]] Instant start_of(Month month) const;
  [[nodiscard]] Month month_of(Instant at) const;
  /// The same local time, `days` calendar days later.
  [[nodiscard]] Instant plus_days(Instant at, int days) const;
  /// The local day of an instant, "2026-03-05".
  [[nodiscard]] std::string day_of(Instant at) const;
  /// Its first instant. Nothing for what is no day.
  [[nodiscard]] std::optional<Instant> start_of_day(std::string_view day) const;
  /// The last month whose both ends the zone data give rightly: compiled zone files list their
  /// changes up to 2037 only, and a bill that is an hour off is worse than none.
  static constexpr Month kLastMonth{2037, 11};

 private:
  struct Zone;
  explicit BillingCalendar(std::shared_ptr<const Zone> zone) : zone_(std::move(zone)) {}
  // Shared by copies of the calendar; the zone is never changed.
  std::shared_ptr<const Zone> zone_;
};

}  // namespace obhut::billing
