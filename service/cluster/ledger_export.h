#pragma once
// All that somebody else needs to check a partner's bills: rows, price lists, bills, closings.

#include <string>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

/// Writes the folder that tools/verify-bill reads. Source: service/billing/FORMAT.md section 5.
/// Errors: kConflict where `folder` is there already; those of writing. What was written stays
/// then.
Result<void> export_ledger(sql::Database& database, const PartnerId& partner,
                           const SigningKeyId& cluster_key, Instant now, const std::string& folder);

}  // namespace obhut::cluster
