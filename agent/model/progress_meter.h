#pragma once
// Rates and the time left, from looks at a job. Says nothing rather than something unfounded.

#include <chrono>
#include <string>

#include "agent/base/clock.h"
#include "agent/model/job_progress.h"

namespace obhut::model {

/// A sum of which what came in the last seconds counts most; looks may come at any distance.
class SmoothRate {
 public:
  explicit SmoothRate(double memory_seconds) : memory_(memory_seconds) {}
  void add(double amount, double seconds);
  /// A second; 0 before the first look.
  [[nodiscard]] double value() const { return seconds_ > 0 ? amount_ / seconds_ : 0; }
  void restart() { amount_ = seconds_ = 0; }

 private:
  double memory_;
  double amount_ = 0;
  double seconds_ = 0;
};

/// Thread: one.
class ProgressMeter {
 public:
  /// The job begins now.
  explicit ProgressMeter(const Clock& clock);

  /// In: what the job says now; looks may come at any distance, those of a twentieth of a second
  /// and less after another change nothing.
  ProgressEstimate look(const JobProgress& now);

 private:
  using Time = std::chrono::steady_clock::time_point;
  void begin_phase(const JobProgress& now, Time at);
  void take(const JobProgress& now, double seconds);
  void estimate_left(const JobProgress& now, double seconds);

  const Clock& clock_;
  Time started_;
  Time last_;
  JobProgress before_;
  bool looked_ = false;
  double phase_seconds_ = 0;  // without those in which it was paused
  SmoothRate bytes_;
  SmoothRate files_;
  SmoothRate work_;
  std::optional<double> left_;  // seconds, as it was told last
};

}  // namespace obhut::model
