#pragma once
// The requests that look across recovery points: search, versions, preview, changes.

#include <nlohmann/json_fwd.hpp>

#include "agent/base/result.h"
#include "service/endpoint/point_request.h"

namespace obhut::endpoint {

/// {"text", "point"}: entries of all points, or of one, whose names have all its words, newest
/// point first, each version of an entry once. Sent as they are found:
///   {"event": "entries", "entries": [{…, "point", "point_time"}, …]}
/// Ends after "limit" of them (1,000 where it is missing) with "more".
Result<nlohmann::json> search_points(const PointRequest& in);

/// {"path"}: {"versions": [{…, "point", "point_time", "same"}, …]}, newest first; "same" as in the
/// next older point.
Result<nlohmann::json> versions_of(const PointRequest& in);

/// {"path", "point", "most"}: the entry, and the first bytes of a file as "content" in base64: 32
/// MiB at most. Of more than 1.5 MiB the last come so, after {"event": "content", "content"} of the
/// others. Errors: kNotFound; kRefused for what its asker could not have read.
Result<nlohmann::json> preview(const PointRequest& in);

/// {"point"}: against the point before: {"since", "added", "changed", "removed", "examples"}.
Result<nlohmann::json> changes_of(const PointRequest& in);

}  // namespace obhut::endpoint
