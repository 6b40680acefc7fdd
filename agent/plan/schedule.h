#pragma once
// When a plan runs next. Pure: the caller brings the time.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/model/plan.h"

namespace obhut::plan {

/// One time that the rule names.
struct Occurrence {
  Instant nominal;  ///< as the rule says, before jitter and windows
  Instant start;    ///< when this device begins: jitter added, moved into a window
  friend bool operator==(const Occurrence&, const Occurrence&) = default;
};

struct Decision {
  enum class Action : std::uint8_t {
    kRunNow,  ///< `occurrence` is due
    kWait,    ///< until `occurrence.start`
    kNoMore,  ///< the rule has ended
  };
  Action action = Action::kNoMore;
  Occurrence occurrence;
  bool made_up_for = false;  ///< kRunNow: the proper time passed while nobody could run
};

/// A plan's schedule, understood once.
///
/// Local times: one that does not exist (spring) is read with the offset before the change, so
/// that 02:30 becomes 03:30; of one that exists twice (autumn) the first is meant. Every day has
/// its run, and exactly one.
/// Jitter: a hash of device and occurrence decides, so that asking again gives the same answer and
/// a thousand devices spread evenly. It never reaches past the window or the next occurrence.
/// Windows: an occurrence outside waits for the next opening, and is left out where the next
/// occurrence comes first.
/// Thread: any; copies share nothing that changes.
class Schedule {
 public:
  /// Errors: kInvalidInput for a rule over 1 KiB, one that cannot be read, repeats more often than
  /// every 5 minutes, never fires within 28 years of its start or has no time before its UNTIL; an
  /// unknown time zone; a window without days; a jitter over 12 hours.
  static Result<Schedule> make(const model::Schedule& schedule, const DeviceId& device);

  /// The first occurrence that begins (`start`) after `after`; nothing once the rule has ended.
  [[nodiscard]] std::optional<Occurrence> next_after(Instant after) const;
  /// Up to `count` of them.
  [[nodiscard]] std::vector<Occurrence> upcoming(Instant after, std::size_t count) const;

  /// What to do at `now`. `last_run`: when the last run of this plan began, or when the plan came
  /// into force where there was none. A run at most 5 minutes late is on time; one that is later
  /// was missed: kRunSoon makes up for the newest missed one, once, as soon as a window is open;
  /// kSkip waits for the next.
  [[nodiscard]] Decision next(Instant now, Instant last_run) const;

  /// True inside a window, and always where the plan has none.
  [[nodiscard]] bool window_open(Instant at) const;

 private:
  struct State;
  explicit Schedule(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;  // shared by copies, never changed after make()
};

/// Kilobits a second that may be uploaded at `at`, in the time zone of the plan's schedule; nothing
/// where there is no limit then.
/// Errors: kInvalidInput for an unknown time zone.
Result<std::optional<std::uint32_t>> upload_limit_at(const model::Plan& plan, Instant at);

}  // namespace obhut::plan
