#pragma once
// What a partner's customers used day by day, and what the running month will come to.

#include <optional>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "service/cluster/refusal.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

/// What to show of a month; "" and nothing for all.
struct UsageQuery {
  std::string month;     ///< "2026-03"
  std::string customer;  ///< a number
  std::string product;   ///< "storage/provider", "workload/server"
  std::optional<DeviceId> device;
};

/// Thread: any.
class Usage {
 public:
  /// Days over which growth is looked at.
  static constexpr std::chrono::days kBasis{30};

  Usage(sql::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  /// JSON: the days of a month with level, maximum, and when and by which event and vault it stood;
  /// and for each customer and location what may be added before the bill grows (not of a device
  /// alone: the bill knows customers). Errors: 404 no-prices, and for a device that is not this
  /// partner's; 422 for a month that is none.
  Answer<std::string> by_day(const PartnerId& partner, const UsageQuery& query);
  /// CSV: the same days, a line each storage and each kind of workload.
  Answer<std::string> table_by_day(const PartnerId& partner, const UsageQuery& query);
  /// JSON: the bill to date, and the bill if storage goes on to grow as in the last 30 days.
  /// Errors: 409 month-not-running for any month but the one that is.
  Answer<std::string> forecast(const PartnerId& partner, std::string_view month);

 private:
  sql::Database& database_;
  const Clock& clock_;
};

}  // namespace obhut::cluster
