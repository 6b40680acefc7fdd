#include "agent/plan/schedule.h"

#include <algorithm>
#include <array>
#include <limits>

#include "agent/plan/local_time.h"
#include "agent/plan/recurrence.h"
#include "agent/plan/windows.h"

namespace obhut::plan {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::local_seconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr minutes kShortestGap{5};
constexpr minutes kOnTime{5};
constexpr hours kMaxJitter{12};
/// No change of offset is larger: Samoa once left out a day.
constexpr hours kOffsetMargin{26};
/// Of the changes to come, none moves a clock by more than two hours.
constexpr hours kReordered{3};
constexpr local_seconds kForever = local_seconds::max();
constexpr std::size_t kMaxBatch = 512;
constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
/// How far to look back, step by step: most rules are daily, and none is silent for longer than
/// from one leap day on a given weekday to the next around 2100.
constexpr std::array kLookBack = {days{1},   days{9},    days{40},
                                  days{400}, days{4000}, days{45 * 366}};
/// After the last occurrence nothing presses: a window opens within this.
constexpr days kEndless{9};

/// A well-mixed number from a device and an occurrence: FNV-1a, then the finalizer of MurmurHash3.
/// It only spreads load, nobody gains by guessing it.
std::uint64_t spread(const DeviceId& device, Instant nominal) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  const auto mix = [&](std::uint8_t byte) { hash = (hash ^ byte) * 0x100000001b3U; };
  for (std::uint8_t byte : device.bytes()) mix(byte);
  const auto count =
      static_cast<std::uint64_t>(std::chrono::floor<seconds>(nominal).time_since_epoch().count());
  for (unsigned shift = 0; shift < 64; shift += 8) mix(static_cast<std::uint8_t>(count >> shift));
  hash = (hash ^ (hash >> 33U)) * 0xff51afd7ed558ccdU;
  hash = (hash ^ (hash >> 33U)) * 0xc4ceb9fe1a85ec53U;
  return hash ^ (hash >> 33U);
}

std::unexpected<Error> bad(const std::string& why) {
  return fail(ErrorKind::kInvalidInput, "schedule: " + why);
}

}  // namespace

struct Schedule::State {
  model::Schedule schedule;
  DeviceId device;
  Zone zone;
  Recurrence recurrence;

  /// The first `count` nominal times at or after `from`, ascending, each once.
  [[nodiscard]] std::vector<Instant> nominals(Instant from, std::size_t count) const {
    const local_seconds local = zone.to_local(from) - kOffsetMargin;
    for (std::size_t asked = count + 4;; asked *= 2) {
      const std::vector<local_seconds> times = recurrence.between(local, kForever, asked);
      std::vector<Instant> out = to_instants(times);
      out.erase(out.begin(), std::ranges::lower_bound(out, from));
      // The last few may still be reordered by what follows them, unless nothing does.
      const bool all = times.size() < asked;
      if (!all && !out.empty()) {
        out.erase(std::ranges::upper_bound(out, zone.to_instant(times.back() - kReordered)),
                  out.end());
      }
      if (!all && out.size() < count) continue;
      if (out.size() > count) out.resize(count);
      return out;
    }
  }

  [[nodiscard]] std::vector<Instant> to_instants(const std::vector<local_seconds>& times) const {
    std::vector<Instant> out;
    out.reserve(times.size());
    for (const local_seconds time : times) out.push_back(zone.to_instant(time));
    // In the hour that spring leaves out, local order is not the order of instants.
    std::ranges::sort(out);
    const auto repeated = std::ranges::unique(out);
    out.erase(repeated.begin(), repeated.end());
    return out;
  }

  /// All nominal times in [at - back, at], ascending.
  [[nodiscard]] std::vector<Instant> looking_back(Instant at, days back) const {
    const local_seconds until = zone.to_local(at);
    std::vector<Instant> out =
        to_instants(recurrence.between(until - back - kOffsetMargin, until + kOffsetMargin, kAll));
    out.erase(std::ranges::upper_bound(out, at), out.end());
    out.erase(out.begin(), std::ranges::lower_bound(out, at - back));
    return out;
  }

  /// The newest nominal time at or before `at`.
  [[nodiscard]] std::optional<Instant> nominal_before(Instant at) const {
    for (const days back : kLookBack) {
      const std::vector<Instant> found = looking_back(at, back);
      if (!found.empty()) return found.back();
    }
    return std::nullopt;
  }

  /// What becomes of a nominal time, given the one that follows it; nothing where that one comes
  /// before a window opens.
  [[nodiscard]] std::optional<Occurrence> live(Instant nominal, std::optional<Instant> next) const {
    const std::optional<Instant> opens = next_opening(schedule.windows, zone, nominal);
    const Instant end = next.value_or(nominal + kEndless);
    if (!opens || (next && *opens >= *next)) return std::nullopt;
    auto room = std::chrono::floor<seconds>(
        std::min<Instant::duration>(end - *opens, schedule.jitter + seconds{1}));
    if (const std::optional<Instant> closes = closing(schedule.windows, zone, *opens)) {
      room = std::min(room, std::chrono::floor<seconds>(*closes - *opens));
    }
    const auto span = static_cast<std::uint64_t>(std::max<std::int64_t>(1, room.count()));
    return Occurrence{nominal,
                      *opens + seconds{static_cast<std::int64_t>(spread(device, nominal) % span)}};
  }

  /// The newest occurrence that began at or before `now`.
  [[nodiscard]] std::optional<Occurrence> begun(Instant now) const {
    const std::vector<Instant> following = nominals(now + std::chrono::microseconds{1}, 1);
    for (const days back : kLookBack) {
      std::optional<Instant> next;
      if (!following.empty()) next = following.front();
      const std::vector<Instant> earlier = looking_back(now, back);
      for (auto nominal = earlier.rbegin(); nominal != earlier.rend(); ++nominal) {
        const std::optional<Occurrence> found = live(*nominal, next);
        if (found && found->start <= now) return found;
        next = *nominal;
      }
    }
    return std::nullopt;
  }
};

Result<Schedule> Schedule::make(const model::Schedule& schedule, const DeviceId& device) {
  Result<Zone> zone = Zone::find(schedule.time_zone);
  if (!zone) return pass_on(std::move(zone).error(), "schedule");
  Result<SplitRule> split = split_until(schedule.rrule);
  if (!split) return pass_on(std::move(split).error(), "schedule");
  std::optional<local_seconds> last = split->until;
  if (last && split->until_is_utc) {
    last = zone->to_local(Instant{last->time_since_epoch()});
  }
  Result<Recurrence> recurrence = Recurrence::make(split->rule, schedule.start, last);
  if (!recurrence) return pass_on(std::move(recurrence).error(), "schedule");
  if (schedule.jitter > kMaxJitter || schedule.jitter < minutes{0}) {
    return bad("jitter must be 0 to 720 minutes");
  }
  if (std::ranges::any_of(schedule.windows, [](const auto& window) { return window.days == 0; })) {
    return bad("a window without days never opens");
  }
  const std::vector<local_seconds> first = recurrence->between(schedule.start, kForever, 300);
  for (std::size_t i = 1; i < first.size(); ++i) {
    if (first[i] - first[i - 1] < kShortestGap) {
      return bad("recurrence rule: repeats more often than every 5 minutes");
    }
  }
  return Schedule(std::make_shared<const State>(
      State{schedule, device, std::move(*zone), std::move(*recurrence)}));
}

std::optional<Occurrence> Schedule::next_after(Instant after) const {
  std::vector<Occurrence> found = upcoming(after, 1);
  if (found.empty()) return std::nullopt;
  return found.front();
}

std::vector<Occurrence> Schedule::upcoming(Instant after, std::size_t count) const {
  // An occurrence begins before the next nominal time, so that of all earlier ones only the newest
  // can still be waiting at `after`.
  Instant from = state_->nominal_before(after).value_or(after);
  std::vector<Occurrence> out;
  std::size_t batch = std::min<std::size_t>(count + 2, kMaxBatch);
  // A week of windows closed holds at most 2016 occurrences that are left out.
  for (int round = 0; round < 64 && out.size() < count; ++round) {
    const std::vector<Instant> nominals = state_->nominals(from, batch);
    const bool ended = nominals.size() < batch;
    const std::size_t usable = ended ? nominals.size() : nominals.size() - 1;
    for (std::size_t i = 0; i < usable && out.size() < count; ++i) {
      const auto next = i + 1 < nominals.size() ? std::optional(nominals[i + 1]) : std::nullopt;
      const std::optional<Occurrence> found = state_->live(nominals[i], next);
      if (found && found->start > after) out.push_back(*found);
    }
    if (ended) break;
    from = nominals.back();
    batch = std::min(batch * 4, kMaxBatch);
  }
  return out;
}

bool Schedule::window_open(Instant at) const {
  return any_window_holds(state_->schedule.windows, state_->zone, at);
}

Decision Schedule::next(Instant now, Instant last_run) const {
  // A last run in the future comes from a clock that was wrong, and must not stop backups for
  // years.
  last_run = std::min(last_run, now);
  const std::optional<Occurrence> next = next_after(now);
  const std::optional<Occurrence> due = state_->begun(now);
  if (due && due->start > last_run) {
    const bool open = window_open(now);
    const bool on_time = now - due->start <= kOnTime;
    const bool make_up = state_->schedule.missed == model::MissedRun::kRunSoon;
    if (open && (on_time || make_up)) return {Decision::Action::kRunNow, *due, !on_time};
    const std::optional<Instant> opens =
        make_up ? next_opening(state_->schedule.windows, state_->zone, now) : std::nullopt;
    if (opens && (!next || *opens < next->start)) {
      return {Decision::Action::kWait, Occurrence{due->nominal, *opens}, true};
    }
  }
  if (next) return {Decision::Action::kWait, *next, false};
  return {};
}

Result<std::optional<std::uint32_t>> upload_limit_at(const model::Plan& plan, Instant at) {
  ASSIGN_OR_RETURN(const Zone zone, Zone::find(plan.schedule.time_zone));
  const local_seconds local = zone.to_local(at);
  std::optional<std::uint32_t> lowest;
  for (const model::UploadLimit& limit : plan.limits.upload) {
    if (!window_holds(limit.window, local)) continue;
    lowest = std::min(limit.kbps, lowest.value_or(limit.kbps));
  }
  return lowest;
}

}  // namespace obhut::plan
