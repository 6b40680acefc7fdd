#pragma once
// A time zone, and the two questions a schedule asks of it. Sole home of the tz library.

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/result.h"

namespace obhut::plan {

/// Thread: any.
class Zone {
 public:
  /// In: an IANA name, "Europe/Berlin". Errors: kInvalidInput where the system knows no such zone.
  static Result<Zone> find(std::string_view name);

  /// A local time that does not exist is read with the offset before the change; of one that
  /// exists twice the first is meant.
  [[nodiscard]] Instant to_instant(std::chrono::local_seconds local) const;
  /// Fractions of a second are cut off.
  [[nodiscard]] std::chrono::local_seconds to_local(Instant at) const;
  /// "2026-03-29 03:30 CEST".
  [[nodiscard]] std::string format(Instant at) const;

 private:
  struct State;
  explicit Zone(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;  // shared by copies, never changed
};

}  // namespace obhut::plan
