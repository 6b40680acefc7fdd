#pragma once
// The highest sum of a customer's stored bytes at a location, by billing month, as it comes about.
// What is billed follows from the ledger alone; this is for who wants to hear of it at once.

#include <cstdint>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "service/billing/event.h"
#include "service/billing/month.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

struct Peak {
  bool is_new = false;
  std::uint64_t before = 0;  ///< the month's maximum until now
};
/// The customer's sum at the location went from `sum_before` to `sum`. What a month begins with
/// counts in it, so that the first change in a month is measured against the sum before it.
Result<Peak> note_peak(sql::Session& session, const CustomerId& customer,
                       billing::Location location, billing::Month month, std::uint64_t sum_before,
                       std::uint64_t sum, Instant now);

}  // namespace obhut::cluster
