#pragma once
// Metered facts (BILLING.md section 4), as read from one line of JSON.

#include <cstdint>
#include <optional>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "service/billing/json_reader.h"

namespace obhut::billing {

/// In the order in which events of one instant are applied.
enum class EventType : std::uint8_t {
  kCustomerCreated,
  kCustomerMode,
  kCustomerDeleted,
  kTrialStarted,
  kWorkloadActivated,
  kWorkloadRemoved,
  kStorageLevel,
  kPartnerCancelled,
};
inline constexpr int kEventTypes = 8;

/// How a customer is charged.
enum class Mode : std::uint8_t { kPerGb, kPerWorkload };

/// Where bytes lie.
enum class Location : std::uint8_t { kLocal, kProvider, kVendor };
inline constexpr int kLocations = 3;

/// Whose clock dates an activation (rule 10).
enum class ActivationClock : std::uint8_t { kEndpoint, kReceipt };

std::string_view to_string(EventType type);
std::string_view to_string(Mode mode);
std::string_view to_string(Location location);
std::string_view to_string(ActivationClock clock);
std::optional<EventType> parse_event_type(std::string_view text);
std::optional<Mode> parse_mode(std::string_view text);
std::optional<Location> parse_location(std::string_view text);

/// One event; the fields that its type does not have are empty.
struct EventView {
  std::string_view id;
  EventType type = EventType::kPartnerCancelled;
  Instant at{};
  std::string_view customer;
  Mode mode = Mode::kPerGb;
  std::string_view object;  ///< the workload or the vault
  std::string_view kind;
  ActivationClock clock = ActivationClock::kEndpoint;
  Location location = Location::kLocal;
  std::uint64_t bytes = 0;
};

/// In: the members of one JSON object. Out: views into them.
/// Errors: kInvalidInput as `field "bytes": …`, for the first fault in the order of the table.
Result<EventView> event_of(std::span<const JsonField> fields);

}  // namespace obhut::billing
