#pragma once
// Telling a partner of new maxima: when a sum passes a hook's threshold, and then whenever it has
// grown by what is worth a message, not with every backup.

#include <cstdint>

#include "agent/base/clock.h"
#include "service/billing/event.h"
#include "service/billing/month.h"
#include "service/cluster/peaks.h"
#include "service/cluster/sql/database.h"
#include "service/cluster/tenants.h"

namespace obhut::cluster {

/// What a maximum has to exceed the last one by that was told: a tenth of it, at least a GB.
std::uint64_t worth_telling(std::uint64_t last_told);

/// `sum` is a new maximum of the month (`peak`), which stands since `at`. Tells each hook that
/// wants to hear of it: those whose threshold the month's maximum was not above before, and those
/// that it has outgrown.
Result<void> announce_maximum(sql::Session& session, const Customer& customer,
                              billing::Location location, billing::Month month, const Peak& peak,
                              std::uint64_t sum, Instant at, Instant now);

}  // namespace obhut::cluster
