#pragma once
// RFC 5545 recurrence rules over local time. Sole home of libical, behind a check that keeps its
// work bounded.

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace obhut::plan {

/// UNTIL is taken out of the rule: in UTC it means something only together with a time zone.
struct SplitRule {
  std::string rule;
  std::optional<std::chrono::local_seconds> until;
  bool until_is_utc = false;
};
/// Errors: kInvalidInput for a rule over 1 KiB or an UNTIL that is no date or time.
Result<SplitRule> split_until(std::string_view rrule);

/// Thread: any; libical, which keeps global state, is called under one lock.
class Recurrence {
 public:
  /// In: `rule` as split_until() gives it; nothing after `last` counts.
  /// Errors: kInvalidInput for what is not RFC 5545, for FREQ=SECONDLY or MINUTELY, for BYSECOND,
  /// and for a rule that does not fire within 28 years of `start`.
  static Result<Recurrence> make(std::string_view rule, std::chrono::local_seconds start,
                                 std::optional<std::chrono::local_seconds> last);

  /// The first `count` times from `from` to `until`, both included, ascending; fewer where there
  /// are no more.
  [[nodiscard]] std::vector<std::chrono::local_seconds> between(std::chrono::local_seconds from,
                                                                std::chrono::local_seconds until,
                                                                std::size_t count) const;

 private:
  struct State;
  explicit Recurrence(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;  // shared by copies, never changed
};

}  // namespace obhut::plan
