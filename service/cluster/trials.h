#pragma once
// Trials on their way to their end. Nothing happens then: time goes by, and the customer is
// charged. So somebody looks, now and then.

#include <optional>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "service/cluster/sql/database.h"
#include "service/cluster/tenants.h"

namespace obhut::cluster {

/// The customer's trial begins. One that is free: a number that was used before has none
/// (BILLING.md rule 6), and nothing that ends.
Result<void> open_trial(sql::Session& session, const Customer& customer, Instant now);

/// Tells partners of the trials that have ended since, once each, by the days of the price list in
/// force as the trial began. A customer that was deleted before the end has converted to nothing.
/// Out: how many converted. Errors: the database's; what is wrong with one partner's price list is
/// logged, and its trials wait.
Result<std::uint64_t> convert_trials(sql::Database& database, Instant now, const Log& log);

/// When the customer's trial ends, by the same days; nothing without one that still runs, and where
/// no price list says for how long it does. Errors: the database's.
Answer<std::optional<Instant>> trial_end(sql::Database& database, const CustomerId& customer);

}  // namespace obhut::cluster
