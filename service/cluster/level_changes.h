#pragma once
// From levels of vaults to sums of customers, beside the commits that change them: two devices of
// one customer that commit at the same time write nothing in common, and neither waits for the
// other nor is sent back.

#include <cstdint>
#include <stop_token>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/log.h"
#include "service/billing/event.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

/// The customer's vault holds `bytes` at the location from `at` on: queued in the transaction that
/// causes it.
Result<void> queue_level(sql::Session& session, const CustomerId& customer, const VaultId& vault,
                         billing::Location location, std::uint64_t bytes, std::string_view event_id,
                         Instant at);

/// Adds up what is queued, keeps the maxima of months (peaks.h) and tells of them
/// (storage_maximum.h), a bounded number of changes a transaction. Of several changes at one
/// instant the sum counts with which the instant ends, as for the bill.
/// Out: changes taken.
Result<std::uint64_t> follow_levels(sql::Database& database, const Clock& clock,
                                    const std::stop_token& stop = {});

}  // namespace obhut::cluster
