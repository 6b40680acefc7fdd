#pragma once
// Whether a partner's ledger and bills are what they were: chain, signatures, and every closed bill
// rated again.

#include <cstdint>

#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "service/billing/ledger.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

struct LedgerState {
  billing::LedgerHead head;
  std::uint64_t months = 0;  ///< closed
};

/// Errors: kCorrupt naming the row or the month, and what does not fit; kRefused for a closing that
/// another key signed.
Result<LedgerState> check_ledger(sql::Database& database, const PartnerId& partner,
                                 const SigningKeyId& cluster_key);

}  // namespace obhut::cluster
