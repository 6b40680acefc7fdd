#include "agent/plan/rule_syntax.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/base/text.h"

namespace obhut::plan {
namespace {

constexpr std::size_t kMaxList = 64;
constexpr int kMaxInterval = 1000;
constexpr int kMaxCount = 10'000;
constexpr std::array<std::string_view, 7> kDays = {"MO", "TU", "WE", "TH", "FR", "SA", "SU"};

using Parts = std::map<std::string_view, std::string_view>;

std::unexpected<Error> bad(const std::string& why) {
  return fail(ErrorKind::kInvalidInput, "recurrence rule: " + why);
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0;;) {
    const std::size_t end = text.find(at, begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == text.npos) return parts;
    begin = end + 1;
  }
}

/// A number of at most three digits (five for COUNT), with a sign where `is_signed`.
std::optional<int> number(std::string_view text, bool is_signed) {
  if (is_signed && text.starts_with('+')) text.remove_prefix(1);
  int value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = problem == std::errc{} && end == text.data() + text.size();
  if (!whole || text.size() > 5 || (!is_signed && text.starts_with('-'))) return std::nullopt;
  return value;
}

struct Range {
  int least;
  int most;
  bool negative_too;
};

/// BYDAY apart, every list part and what its numbers may be.
const std::map<std::string_view, Range>& list_ranges() {
  static const std::map<std::string_view, Range> kRanges = {
      {"BYMINUTE", {0, 59, false}},  {"BYHOUR", {0, 23, false}},  {"BYMONTHDAY", {1, 31, true}},
      {"BYYEARDAY", {1, 366, true}}, {"BYWEEKNO", {1, 53, true}}, {"BYMONTH", {1, 12, false}},
      {"BYSETPOS", {1, 366, true}},
  };
  return kRanges;
}

/// What may stand beside a frequency. Narrower than the RFC where a rule could keep a computer
/// searching for a day that never comes.
const std::map<std::string_view, std::set<std::string_view>>& parts_of_frequency() {
  static const std::map<std::string_view, std::set<std::string_view>> kParts = {
      {"HOURLY", {"BYHOUR", "BYMINUTE", "BYDAY"}},
      {"DAILY", {"BYHOUR", "BYMINUTE", "BYDAY", "BYMONTH", "BYMONTHDAY", "BYSETPOS"}},
      {"WEEKLY", {"BYHOUR", "BYMINUTE", "BYDAY", "BYMONTH", "BYSETPOS"}},
      {"MONTHLY", {"BYHOUR", "BYMINUTE", "BYDAY", "BYMONTH", "BYMONTHDAY", "BYSETPOS"}},
      {"YEARLY",
       {"BYHOUR", "BYMINUTE", "BYDAY", "BYMONTH", "BYMONTHDAY", "BYSETPOS", "BYYEARDAY",
        "BYWEEKNO"}},
  };
  return kParts;
}

Result<Parts> split_parts(std::string_view rule) {
  Parts parts;
  for (std::string_view part : split(rule, ';')) {
    const std::size_t equals = part.find('=');
    if (equals == part.npos) return bad("\"" + printable(part) + "\" is not NAME=VALUE");
    if (!parts.emplace(part.substr(0, equals), part.substr(equals + 1)).second) {
      return bad(printable(part.substr(0, equals)) + " stands twice");
    }
  }
  return parts;
}

Result<void> check_list(std::string_view name, std::string_view value, const Range& range) {
  const std::vector<std::string_view> entries = split(value, ',');
  std::set<int> seen;
  for (std::string_view entry : entries) {
    const std::optional<int> parsed = number(entry, range.negative_too);
    const int size = parsed ? std::abs(*parsed) : -1;
    if (size < range.least || size > range.most) {
      return bad(std::string(name) + "=" + printable(entry) + " is out of range");
    }
    if (!seen.insert(*parsed).second) return bad(std::string(name) + " lists a number twice");
  }
  if (entries.size() > kMaxList) return bad(std::string(name) + " lists more than 64 numbers");
  return {};
}

Result<void> check_days(std::string_view value, bool ordinals) {
  const std::vector<std::string_view> entries = split(value, ',');
  std::set<std::string_view> seen;
  for (std::string_view entry : entries) {
    const bool day = entry.size() >= 2 &&
                     std::ranges::find(kDays, entry.substr(entry.size() - 2)) != kDays.end();
    if (!day) return bad("BYDAY=" + printable(entry) + " is no day such as MO or -1FR");
    const std::string_view ordinal = entry.substr(0, entry.size() - 2);
    const std::optional<int> which = ordinal.empty() ? 1 : number(ordinal, true);
    if (!which || *which == 0 || std::abs(*which) > 53) {
      return bad("BYDAY=" + printable(entry) + " is out of range");
    }
    if (!ordinal.empty() && !ordinals) {
      return bad("BYDAY=" + printable(entry) + " needs FREQ=MONTHLY or YEARLY");
    }
    if (!seen.insert(entry).second) return bad("BYDAY lists a day twice");
  }
  if (entries.size() > kMaxList) return bad("BYDAY lists more than 64 days");
  return {};
}

Result<int> single_number(const Parts& parts, std::string_view name, int absent, int most) {
  const auto found = parts.find(name);
  if (found == parts.end()) return absent;
  const std::optional<int> value = number(found->second, false);
  if (!value || *value < 1 || *value > most) {
    return bad(std::string(name) + " must be 1 to " + std::to_string(most));
  }
  return *value;
}

std::string_view value_of(const Parts& parts, std::string_view name) {
  const auto found = parts.find(name);
  return found == parts.end() ? std::string_view() : found->second;
}

/// Whether an hourly rule ever meets one of its hours and days: steps of `interval` through a week
/// come round after at most 168, so that trying so many is a proof.
bool hourly_fires(const Parts& parts, int interval, std::chrono::local_seconds start) {
  const auto day = std::chrono::floor<std::chrono::days>(start);
  const int first_day = static_cast<int>(std::chrono::weekday{day}.iso_encoding()) - 1;
  const auto first_hour =
      static_cast<int>(std::chrono::floor<std::chrono::hours>(start - day).count());
  const std::vector<std::string_view> hours = split(value_of(parts, "BYHOUR"), ',');
  const std::vector<std::string_view> days = split(value_of(parts, "BYDAY"), ',');
  for (int step = 0; step < 168; ++step) {
    const int at = (first_day * 24 + first_hour + step * interval) % 168;
    const bool hour_fits = !parts.contains("BYHOUR") || std::ranges::any_of(hours, [&](auto hour) {
      return number(hour, false) == at % 24;
    });
    const bool day_fits =
        !parts.contains("BYDAY") ||
        std::ranges::find(days, kDays.at(static_cast<std::size_t>(at / 24))) != days.end();
    if (hour_fits && day_fits) return true;
  }
  return false;
}

Result<void> check_part(std::string_view name, std::string_view value, std::string_view frequency,
                        const std::set<std::string_view>& allowed) {
  if (name == "FREQ" || name == "INTERVAL" || name == "COUNT") return {};
  if (name == "WKST") {
    if (std::ranges::find(kDays, value) != kDays.end()) return {};
    return bad("WKST=" + printable(value) + " is no day");
  }
  const auto list = list_ranges().find(name);
  if (name != "BYDAY" && list == list_ranges().end()) {
    return bad(printable(name) + " is not supported");
  }
  if (!allowed.contains(name)) {
    return bad(std::string(name) + " cannot stand with FREQ=" + std::string(frequency));
  }
  if (name == "BYDAY") return check_days(value, frequency == "MONTHLY" || frequency == "YEARLY");
  return check_list(name, value, list->second);
}

}  // namespace

Result<RuleFacts> check_rule_syntax(std::string_view rule, std::chrono::local_seconds start) {
  ASSIGN_OR_RETURN(const Parts parts, split_parts(rule));
  const std::string_view frequency = value_of(parts, "FREQ");
  if (frequency == "MINUTELY" || frequency == "SECONDLY") {
    return bad("FREQ=" + std::string(frequency) +
               " is not supported, use FREQ=HOURLY with BYMINUTE=0,15,30,45");
  }
  const auto allowed = parts_of_frequency().find(frequency);
  if (allowed == parts_of_frequency().end()) {
    return bad("FREQ must be HOURLY, DAILY, WEEKLY, MONTHLY or YEARLY");
  }
  for (const auto& [name, value] : parts) {
    TRY(check_part(name, value, frequency, allowed->second));
  }
  ASSIGN_OR_RETURN(const int interval, single_number(parts, "INTERVAL", 1, kMaxInterval));
  ASSIGN_OR_RETURN(const int count, single_number(parts, "COUNT", 0, kMaxCount));
  if (frequency == "HOURLY" && !hourly_fires(parts, interval, start)) {
    return bad("never fires: no step of INTERVAL meets BYHOUR and BYDAY");
  }
  return RuleFacts{static_cast<std::uint32_t>(count),
                   std::chrono::hours{frequency == "HOURLY" ? interval : 0}};
}

}  // namespace obhut::plan
