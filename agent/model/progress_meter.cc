#include "agent/model/progress_meter.h"

#include <algorithm>
#include <cmath>

namespace obhut::model {
namespace {

// The rate that is shown may move; the time left is taken from a calmer one.
constexpr double kShownMemory = 4;
constexpr double kLeftMemory = 20;
// A new opinion of the time left is taken over within some seconds, not at once.
constexpr double kChangeOfMind = 4;

// No word on the time left before so much was seen: short runs end without one.
constexpr double kLeastSeconds = 3;
constexpr double kLeastShare = 0.01;
constexpr double kEnoughSeconds = 20;  // then a smaller share does
constexpr double kLongest = 60.0 * 60 * 24 * 30;

// What an entry costs beside its content, in bytes of content: 20 to 40 µs to open and read or to
// create a small file, against some 500 MB/s.
constexpr double kEntryBytes = 16U << 10U;

constexpr std::chrono::milliseconds kTooSoon{50};

std::uint64_t worked_bytes(const JobProgress& at) {
  return at.read_bytes + at.written_bytes;
}

// A retry, or a file that could not be read to its end, takes back what was counted.
double grown(std::uint64_t before, std::uint64_t now) {
  return now > before ? static_cast<double>(now - before) : 0;
}

double rest_of(std::uint64_t total, std::uint64_t done) {
  return grown(done, total);
}

double work_done(const JobProgress& at) {
  return kEntryBytes * static_cast<double>(at.files_done) + static_cast<double>(worked_bytes(at));
}

// Of the bytes to come the part that costs something is taken to be that of the bytes so far: in a
// run where most is unchanged, most is not read at all.
double work_left(const JobProgress& at) {
  const double done = static_cast<double>(at.bytes_done);
  const double worked = static_cast<double>(worked_bytes(at));
  const double costly = done > 0 ? std::min(1.0, worked / done) : 1.0;
  return kEntryBytes * rest_of(at.files_total, at.files_done) +
         costly * rest_of(at.bytes_total, at.bytes_done);
}

bool knows_totals(const JobProgress& at) {
  return (at.totals == TotalsKind::kExpected || at.totals == TotalsKind::kExact) &&
         at.files_total + at.bytes_total > 0;
}

std::optional<unsigned> percent_of(const JobProgress& at) {
  if (at.totals == TotalsKind::kUnknown && at.packs_total > 0) {
    return static_cast<unsigned>(std::min(
        99.0, 100.0 * static_cast<double>(at.packs_done) / static_cast<double>(at.packs_total)));
  }
  if (!knows_totals(at)) return std::nullopt;
  const double done =
      kEntryBytes * static_cast<double>(at.files_done) + static_cast<double>(at.bytes_done);
  const double left =
      kEntryBytes * rest_of(at.files_total, at.files_done) + rest_of(at.bytes_total, at.bytes_done);
  return std::min(99U, static_cast<unsigned>(100 * done / std::max(1.0, done + left)));
}

}  // namespace

std::string_view to_string(TotalsKind kind) {
  switch (kind) {
    case TotalsKind::kUnknown:
      return "unknown";
    case TotalsKind::kAtLeast:
      return "at_least";
    case TotalsKind::kExpected:
      return "expected";
    case TotalsKind::kExact:
      return "exact";
  }
  return "unknown";
}

void SmoothRate::add(double amount, double seconds) {
  const double fade = std::exp(-seconds / memory_);
  amount_ = amount_ * fade + amount;
  seconds_ = seconds_ * fade + seconds;
}

ProgressMeter::ProgressMeter(const Clock& clock)
    : clock_(clock),
      started_(clock.steady()),
      last_(started_),
      bytes_(kShownMemory),
      files_(kShownMemory),
      work_(kLeftMemory) {}

ProgressEstimate ProgressMeter::look(const JobProgress& now) {
  const Time at = clock_.steady();
  if (!looked_ || now.phase != before_.phase) {
    begin_phase(now, at);
  } else if (at - last_ >= kTooSoon) {
    take(now, std::chrono::duration<double>(at - last_).count());
    last_ = at;
    before_ = now;
  }
  ProgressEstimate estimate;
  estimate.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(at - started_);
  estimate.bytes_per_second = static_cast<std::uint64_t>(bytes_.value());
  estimate.files_per_second = static_cast<std::uint64_t>(files_.value());
  if (now.phase == kDonePhase) {
    estimate.percent = 100;
    estimate.left = std::chrono::seconds(0);
    return estimate;
  }
  estimate.percent = percent_of(now);
  if (left_ && !now.paused && knows_totals(now)) {
    estimate.left = std::chrono::seconds(std::max<std::int64_t>(1, std::llround(*left_)));
  }
  return estimate;
}

// The first look has no other to be held against: what was done until then was done since the
// job's beginning.
void ProgressMeter::begin_phase(const JobProgress& now, Time at) {
  bytes_.restart();
  files_.restart();
  work_.restart();
  left_.reset();
  phase_seconds_ = 0;
  if (!looked_) {
    before_ = {};
    if (at - last_ >= kTooSoon && !now.paused) {
      take(now, std::chrono::duration<double>(at - last_).count());
    }
  }
  looked_ = true;
  last_ = at;
  before_ = now;
}

void ProgressMeter::take(const JobProgress& now, double seconds) {
  if (now.paused || before_.paused) return;  // standing still is no rate
  phase_seconds_ += seconds;
  bytes_.add(grown(worked_bytes(before_), worked_bytes(now)), seconds);
  files_.add(grown(before_.files_done, now.files_done), seconds);
  work_.add(std::max(0.0, work_done(now) - work_done(before_)), seconds);
  estimate_left(now, seconds);
}

void ProgressMeter::estimate_left(const JobProgress& now, double seconds) {
  if (!knows_totals(now)) {
    left_.reset();
    return;
  }
  const double left = work_left(now);
  const double share = work_done(now) / std::max(1.0, work_done(now) + left);
  const bool founded =
      phase_seconds_ >= kLeastSeconds && (share >= kLeastShare || phase_seconds_ >= kEnoughSeconds);
  const double rate = work_.value();
  if (!founded || rate <= 0 || left / rate > kLongest) {
    left_.reset();
    return;
  }
  const double thought = left / rate;
  if (!left_) {
    left_ = thought;
    return;
  }
  const double counted_down = std::max(0.0, *left_ - seconds);
  left_ = thought + (counted_down - thought) * std::exp(-seconds / kChangeOfMind);
}

}  // namespace obhut::model
