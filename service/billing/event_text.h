#pragma once
// The events that the cluster writes, as the JSON text that goes into the ledger. One writer, so
// that the same fact has the same bytes wherever it is noticed again.

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "service/billing/event.h"

namespace obhut::billing {

/// What every event has. `id` is the caller's: one that is derived from the fact (a commit's hash,
/// a workload and its life) makes a repeated fact the same event.
struct EventHead {
  std::string_view id;
  Instant at{};
  std::string_view customer;
};

/// In: UTF-8 throughout. Out: one JSON object on one line, without line end, members in the order
/// id, type, at, customer, then those of the table in BILLING.md; `at` in UTC, six fraction digits.
std::string customer_created(const EventHead& head, Mode mode);
std::string customer_mode(const EventHead& head, Mode mode);
std::string customer_deleted(const EventHead& head);
std::string trial_started(const EventHead& head);
std::string workload_activated(const EventHead& head, std::string_view workload,
                               std::string_view kind, ActivationClock clock);
std::string workload_removed(const EventHead& head, std::string_view workload);
/// `reason`: a word for a level that was corrected; "" for one that changed by itself.
std::string storage_level(const EventHead& head, std::string_view vault, Location location,
                          std::uint64_t bytes, std::string_view reason = {});
/// A partner's, so that it has no customer.
std::string partner_cancelled(std::string_view id, Instant at);

}  // namespace obhut::billing
