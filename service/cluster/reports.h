#pragma once
// What devices say about their work: codes and numbers only, no names and no paths.

#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "service/cluster/devices.h"
#include "service/cluster/refusal.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

struct Activity {
  std::string id;
  std::string kind;
  Instant started{};
  std::optional<Instant> finished;
  std::string outcome;
  std::string counts;  ///< a flat JSON object of integers
  Instant received{};
  std::string grant{};  ///< that it used one: Grants::describe(); empty for none
};

struct Alert {
  std::string id;
  std::string code;
  std::string severity;  ///< "info", "warning", "critical"
  Instant since{};
  std::optional<Instant> cleared;
  std::string raised_by = "device";  ///< or "cluster"
};

/// Thread: any.
class Reports {
 public:
  Reports(sql::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  /// A repeated id replaces: an activity is reported when it starts and when it ends.
  /// Errors: 422 for words and ids that are none.
  Answer<void> add_activities(const Device& device, const std::vector<Activity>& activities);
  Answer<void> add_alerts(const Device& device, const std::vector<Alert>& alerts);
  /// Newest first, older than `before`.
  Answer<std::vector<Activity>> activities(const DeviceId& device, Instant before,
                                           std::size_t limit);
  Answer<std::vector<Alert>> alerts(const DeviceId& device, std::size_t limit);

 private:
  sql::Database& database_;
  const Clock& clock_;
};

}  // namespace obhut::cluster
