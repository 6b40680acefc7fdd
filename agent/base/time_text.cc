#include "agent/base/time_text.h"

#include <cstdio>

namespace obhut {
namespace {

using std::chrono::microseconds;

std::string format(Instant at, bool fraction) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss<microseconds> time{at - day};
  char text[48];
  int length = std::snprintf(
      text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
      static_cast<int>(time.seconds().count()));
  if (fraction) {
    length += std::snprintf(text + length, sizeof text - static_cast<std::size_t>(length), ".%06d",
                            static_cast<int>(time.subseconds().count()));
  }
  return std::string(text, static_cast<std::size_t>(length)) + "Z";
}

/// Takes exactly `width` digits off the front, or nothing.
std::optional<int> digits(std::string_view& text, std::size_t width) {
  if (text.size() < width) return std::nullopt;
  int value = 0;
  for (char c : text.substr(0, width)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(width);
  return value;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text[0]) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string format_time(Instant at) {
  return format(at, false);
}
std::string format_time_micro(Instant at) {
  return format(at, true);
}

std::optional<Instant> parse_time(std::string_view text) {
  const auto year = digits(text, 4);
  if (!year || *year == 0 || !take(text, "-")) return std::nullopt;
  const auto month = digits(text, 2);
  if (!month || !take(text, "-")) return std::nullopt;
  const auto day = digits(text, 2);
  if (!day || !take(text, "Tt")) return std::nullopt;
  const auto hour = digits(text, 2);
  if (!hour || *hour > 23 || !take(text, ":")) return std::nullopt;
  const auto minute = digits(text, 2);
  if (!minute || *minute > 59 || !take(text, ":")) return std::nullopt;
  const auto second = digits(text, 2);
  if (!second || *second > 59) return std::nullopt;

  int micro = 0;
  if (take(text, ".")) {
    int scale = 100'000;
    std::size_t count = 0;
    while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
      if (++count > 6) return std::nullopt;
      micro += (text[0] - '0') * scale;
      scale /= 10;
      text.remove_prefix(1);
    }
    if (count == 0) return std::nullopt;
  }

  std::chrono::minutes offset{0};
  if (!take(text, "Zz")) {
    if (text.empty() || (text[0] != '+' && text[0] != '-')) return std::nullopt;
    const int sign = text[0] == '-' ? -1 : 1;
    text.remove_prefix(1);
    const auto hours = digits(text, 2);
    if (!hours || *hours > 23 || !take(text, ":")) return std::nullopt;
    const auto minutes = digits(text, 2);
    if (!minutes || *minutes > 59) return std::nullopt;
    offset = std::chrono::minutes{sign * (*hours * 60 + *minutes)};
  }
  if (!text.empty()) return std::nullopt;

  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days{date} + std::chrono::hours{*hour} + std::chrono::minutes{*minute} +
         std::chrono::seconds{*second} + microseconds{micro} - offset;
}

std::optional<std::chrono::seconds> parse_duration(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  std::chrono::seconds unit{0};
  switch (text.back()) {
    case 's':
      unit = std::chrono::seconds(1);
      break;
    case 'm':
      unit = std::chrono::minutes(1);
      break;
    case 'h':
      unit = std::chrono::hours(1);
      break;
    case 'd':
      unit = std::chrono::days(1);
      break;
    default:
      return std::nullopt;
  }
  text.remove_suffix(1);
  constexpr std::size_t kMostDigits = 8;  // a year has eight digits of seconds
  if (text.size() > kMostDigits) return std::nullopt;
  const std::optional<int> count = digits(text, text.size());
  if (!count || *count < 1 || *count > kMostDuration / unit) return std::nullopt;
  return *count * unit;
}

}  // namespace obhut
