#pragma once
// A partner's bills, from its ledger and price list by the code that `obhut-cluster rate` runs.

#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "service/cluster/refusal.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

enum class BillForm : std::uint8_t { kJson, kCsv };

/// Thread: any.
class Bills {
 public:
  explicit Bills(sql::Database& database) : database_(database) {}

  /// The month to date, or the month as it stands today. In: "2026-03".
  /// Errors: 404 no-prices; 422 for a month that is none, and what the rating says.
  Answer<std::string> bill(const PartnerId& partner, std::string_view month, BillForm form);

 private:
  sql::Database& database_;
};

}  // namespace obhut::cluster
