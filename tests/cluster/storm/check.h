#pragma once
// Whether a ledger that went through the storm is that of the same events in one piece.

#include <string>
#include <vector>

#include "agent/base/result.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster::storm {

/// In: the events, each once, and a file of the same lines; months closed on the way, from the
/// first of kMonths on. Out: what was found, one fact a line.
/// Errors: kCorrupt naming what differs.
Result<std::string> check_storm(sql::Database& database, std::vector<std::string> events,
                                const std::string& file, std::size_t closed);

}  // namespace obhut::cluster::storm
