#include "agent/model/plan.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace obhut::model {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

bool is_separator(char c) {
  return c == '/' || c == '\\';
}

}  // namespace

bool path_covers(std::string_view outer, std::string_view inner) {
  while (outer.size() > 1 && is_separator(outer.back())) outer.remove_suffix(1);
  if (!inner.starts_with(outer)) return false;
  if (inner.size() == outer.size()) return true;
  return is_separator(outer.back()) || is_separator(inner[outer.size()]);
}

std::optional<DaySet> parse_day(std::string_view text) {
  const auto* found = std::ranges::find(kDays, text);
  if (found == kDays.end()) return std::nullopt;
  return static_cast<DaySet>(1U << static_cast<unsigned>(found - kDays.begin()));
}

std::string_view day_name(unsigned index_from_monday) {
  return kDays.at(index_from_monday % 7);
}

std::optional<std::chrono::minutes> parse_time_of_day(std::string_view text) {
  const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  if (text.size() != 5 || text[2] != ':' || !digit(0) || !digit(1) || !digit(3) || !digit(4)) {
    return std::nullopt;
  }
  const int hour = (text[0] - '0') * 10 + (text[1] - '0');
  const int minute = (text[3] - '0') * 10 + (text[4] - '0');
  if (minute > 59 || hour > 24 || (hour == 24 && minute != 0)) return std::nullopt;
  return std::chrono::minutes{hour * 60 + minute};
}

std::string format_time_of_day(std::chrono::minutes since_midnight) {
  char text[32];
  const long total = static_cast<long>(since_midnight.count());
  std::snprintf(text, sizeof text, "%02ld:%02ld", total / 60, total % 60);
  return text;
}

}  // namespace obhut::model
