#pragma once
// What the cluster is to be told, kept on disk until it has taken it: alerts and activities, in
// codes and numbers. Nothing found on the device goes in here.

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/result.h"
#include "agent/wire/control_client.h"
#include "service/endpoint/state_folder.h"

namespace obhut::endpoint {

/// An alert as `obhut status` shows it. `message` stays on the device.
struct Alert {
  std::string id;
  std::string code;
  std::string severity;
  std::string message;
  Instant since{};
  std::optional<Instant> cleared;
  bool reported = false;
};

/// Thread: any.
class Outbox {
 public:
  static Result<std::unique_ptr<Outbox>> open(StateFolder& state, Clock& clock, const Log& log);

  /// Raises an alert, once: one that stands already only changes its message.
  void raise(std::string_view code, std::string_view severity, std::string_view message);
  /// Fine where it does not stand.
  void clear(std::string_view code);
  /// Clears all whose code begins so.
  void clear_all(std::string_view prefix);
  /// Those that stand.
  [[nodiscard]] std::vector<Alert> standing() const;

  /// At most the newest kMostActivities wait, beside those that used a grant.
  void add(wire::ActivityReport activity);
  /// Of a grant that is used. Never dropped, and durable once it returns ok; one with the id of one
  /// that waits takes its place. Errors: kThrottled where kMostUses wait already, so that nobody
  /// uses a grant unheard for ever; those of the disk.
  Result<void> add_use(wire::ActivityReport activity);

  /// Sends what waits. Errors: those of the client; what was not taken waits on.
  Result<void> send(wire::ControlClient& cluster, std::stop_token stop);

  static constexpr std::size_t kMostActivities = 500;
  static constexpr std::size_t kMostUses = 500;

 private:
  Outbox(StateFolder& state, Clock& clock, const Log& log)
      : state_(state), clock_(clock), log_(log) {}
  Result<void> load();
  Result<void> write();  // with mutex_ held
  void save();           // with mutex_ held
  StateFolder& state_;
  Clock& clock_;
  Log log_;
  mutable std::mutex mutex_;
  std::map<std::string, Alert> alerts_;  // by code; cleared ones until they are reported
  std::vector<wire::ActivityReport> activities_;
};

/// A new id for an alert or activity: 32 hex digits.
std::string new_report_id();

}  // namespace obhut::endpoint
