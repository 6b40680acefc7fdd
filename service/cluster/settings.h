#pragma once
// Small facts of the whole cluster, by name: when a round ran last, the number of the newest
// change.

#include <optional>
#include <string>
#include <string_view>

#include "service/cluster/sql/database.h"

namespace obhut::cluster {

/// The value as the one column of a row.
Result<std::optional<sql::Row>> setting(sql::Session& session, std::string_view name);
Result<void> keep_setting(sql::Session& session, std::string_view name, std::int64_t value);

}  // namespace obhut::cluster
