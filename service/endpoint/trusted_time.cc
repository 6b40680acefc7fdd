#include "service/endpoint/trusted_time.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "service/endpoint/json_fields.h"

namespace obhut::endpoint {

namespace {

constexpr const char* kFile = "time.json";
constexpr std::chrono::hours kTolerance{72};
/// The floor need not be exact: a write an hour does.
constexpr std::chrono::hours kSaveEvery{1};

}  // namespace

Result<TrustedTime> TrustedTime::open(StateFolder& state, Clock& clock) {
  ASSIGN_OR_RETURN(const std::optional<nlohmann::json> stored, state.load(kFile));
  const std::optional<Instant> latest = stored ? time_of(*stored, "latest") : std::nullopt;
  return TrustedTime(state, clock, latest.value_or(Instant{}));
}

Instant TrustedTime::now(std::optional<Instant> cluster) {
  const Instant local = clock_->now();
  if (!cluster) return std::max(floor_, local);
  const Instant corrected =
      std::clamp(*cluster, Instant(local - kTolerance), Instant(local + kTolerance));
  if (corrected != *cluster) return std::max(floor_, corrected);
  floor_ = std::max(floor_, corrected);
  if (floor_ - saved_ >= kSaveEvery) {
    // ignored: an older floor is still a floor, and the next hour writes again
    (void)state_->save(kFile, {{"latest", format_time_micro(floor_)}});
    saved_ = floor_;
  }
  return std::max(floor_, corrected);
}

}  // namespace obhut::endpoint
