#include "agent/plan/recurrence.h"

#include <algorithm>
#include <mutex>

#include <libical/ical.h>

#include "agent/base/text.h"
#include "agent/plan/rule_syntax.h"

namespace obhut::plan {
namespace {

using std::chrono::days;
using std::chrono::local_seconds;
using std::chrono::seconds;

constexpr std::size_t kMaxRule = 1024;
constexpr days kLongestWait{28 * 366};
/// The library's own calendar ends a little later.
constexpr local_seconds kLatest{std::chrono::local_days{std::chrono::year{2500} / 1 / 1}};

/// libical keeps its error state and more in globals.
std::mutex& library_lock() {
  static std::mutex lock;
  return lock;
}

struct IteratorFree {
  void operator()(icalrecur_iterator* iterator) const { icalrecur_iterator_free(iterator); }
};
using Iterator = std::unique_ptr<icalrecur_iterator, IteratorFree>;

icaltimetype to_ical(local_seconds at) {
  const auto day = std::chrono::floor<days>(at);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss<seconds> time{at - day};
  icaltimetype out = icaltime_null_time();
  out.year = static_cast<int>(date.year());
  out.month = static_cast<int>(static_cast<unsigned>(date.month()));
  out.day = static_cast<int>(static_cast<unsigned>(date.day()));
  out.hour = static_cast<int>(time.hours().count());
  out.minute = static_cast<int>(time.minutes().count());
  out.second = static_cast<int>(time.seconds().count());
  return out;
}

local_seconds from_ical(const icaltimetype& at) {
  const std::chrono::year_month_day date{std::chrono::year{at.year},
                                         std::chrono::month{static_cast<unsigned>(at.month)},
                                         std::chrono::day{static_cast<unsigned>(at.day)}};
  return std::chrono::local_days{date} + std::chrono::hours{at.hour} +
         std::chrono::minutes{at.minute} + seconds{at.second};
}

/// Call with library_lock() held.
Iterator make_iterator(const std::string& rule, local_seconds start) {
  icalerror_set_errors_are_fatal(0);
  icalrecurrencetype parsed = icalrecurrencetype_from_string(rule.c_str());
  if (parsed.freq == ICAL_NO_RECURRENCE) return nullptr;
  return Iterator(icalrecur_iterator_new(parsed, to_ical(start)));
}

/// Up to `count` further times that are at or after `from` and not after `last`.
std::vector<local_seconds> collect(icalrecur_iterator* iterator, local_seconds from,
                                   std::optional<local_seconds> last, std::size_t count) {
  std::vector<local_seconds> out;
  while (out.size() < count) {
    const icaltimetype next = icalrecur_iterator_next(iterator);
    if (icaltime_is_null_time(next)) break;
    const local_seconds at = from_ical(next);
    if (at > kLatest || (last && at > *last)) break;
    // A date that meets several entries of a list may come more than once.
    if (at >= from && (out.empty() || at > out.back())) out.push_back(at);
  }
  return out;
}

std::optional<int> digits(std::string_view text) {
  int value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

/// YYYYMMDD or YYYYMMDDTHHMMSS; a date alone means the whole day.
std::optional<local_seconds> parse_until(std::string_view text) {
  if (text.size() != 8 && (text.size() != 15 || text[8] != 'T')) return std::nullopt;
  const auto year = digits(text.substr(0, 4));
  const auto month = digits(text.substr(4, 2));
  const auto day = digits(text.substr(6, 2));
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  const std::chrono::local_days midnight{date};
  if (text.size() == 8) return midnight + days{1} - seconds{1};
  const auto hour = digits(text.substr(9, 2));
  const auto minute = digits(text.substr(11, 2));
  const auto second = digits(text.substr(13, 2));
  if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 59) {
    return std::nullopt;
  }
  return midnight + std::chrono::hours{*hour} + std::chrono::minutes{*minute} + seconds{*second};
}

}  // namespace

struct Recurrence::State {
  std::string rule;
  local_seconds start;
  std::optional<local_seconds> last;
  bool counted = false;
  std::chrono::hours hourly_step{0};  // FREQ=HOURLY: its INTERVAL
  std::vector<local_seconds> all;     // a counted rule: the library cannot start it in the middle
};

Result<SplitRule> split_until(std::string_view rrule) {
  if (rrule.empty() || rrule.size() > kMaxRule) {
    return fail(ErrorKind::kInvalidInput, "recurrence rule: must have 1 to 1024 bytes");
  }
  SplitRule out;
  while (!rrule.empty()) {
    const std::size_t end = std::min(rrule.find(';'), rrule.size());
    std::string_view part = rrule.substr(0, end);
    rrule.remove_prefix(std::min(end + 1, rrule.size()));
    if (!part.starts_with("UNTIL=")) {
      if (!out.rule.empty()) out.rule += ';';
      out.rule += part;
      continue;
    }
    if (out.until) return fail(ErrorKind::kInvalidInput, "recurrence rule: UNTIL stands twice");
    part.remove_prefix(6);
    out.until_is_utc = part.ends_with('Z');
    if (out.until_is_utc) part.remove_suffix(1);
    out.until = parse_until(part);
    if (!out.until || (out.until_is_utc && part.size() == 8)) {
      return fail(ErrorKind::kInvalidInput,
                  "recurrence rule: UNTIL=" + printable(part) + " is no date or time");
    }
  }
  return out;
}

Result<Recurrence> Recurrence::make(std::string_view rule, local_seconds start,
                                    std::optional<local_seconds> last) {
  ASSIGN_OR_RETURN(const RuleFacts facts, check_rule_syntax(rule, start));
  State state{std::string(rule), start, last, facts.count > 0, facts.hourly_step, {}};
  const std::scoped_lock lock(library_lock());
  const Iterator iterator = make_iterator(state.rule, start);
  // The library itself finds out that some rules, 30 February, hold no day at all.
  std::vector<local_seconds> first;
  if (iterator) first = collect(iterator.get(), start, last, std::max<std::size_t>(1, facts.count));
  if (first.empty() || first.front() > start + kLongestWait) {
    return fail(ErrorKind::kInvalidInput,
                "recurrence rule: never fires within 28 years of its start");
  }
  if (state.counted) state.all = std::move(first);
  return Recurrence(std::make_shared<const State>(std::move(state)));
}

std::vector<local_seconds> Recurrence::between(local_seconds from, local_seconds until,
                                               std::size_t count) const {
  from = std::max(from, state_->start);
  until = std::min(until, state_->last.value_or(kLatest));
  if (from > until || from > kLatest) return {};
  if (state_->counted) {
    const auto begin = std::ranges::lower_bound(state_->all, from);
    const auto left =
        static_cast<std::size_t>(std::ranges::upper_bound(state_->all, until) - begin);
    return {begin, begin + static_cast<std::ptrdiff_t>(std::min(count, left))};
  }
  // libical 3.0 forgets the phase of an hourly interval where it starts in the middle. Moving the
  // start by whole steps keeps it, and says the same of BYHOUR, BYMINUTE and BYDAY.
  local_seconds start = state_->start;
  if (state_->hourly_step.count() > 0) {
    start += (from - start) / state_->hourly_step * state_->hourly_step;
  }
  const std::scoped_lock lock(library_lock());
  const Iterator iterator = make_iterator(state_->rule, start);
  if (!iterator) return {};
  const bool hourly = state_->hourly_step.count() > 0;
  if (!hourly && from > start && icalrecur_iterator_set_start(iterator.get(), to_ical(from)) == 0) {
    return {};
  }
  return collect(iterator.get(), from, until, count);
}

}  // namespace obhut::plan
