#pragma once
// Protection plans: judged by the gate that endpoints use, kept, and handed to waiting polls.

#include <optional>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/model/plan.h"
#include "agent/trust/envelope.h"
#include "service/cluster/changes.h"
#include "service/cluster/devices.h"
#include "service/cluster/refusal.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

struct PublishedPlan {
  std::uint64_t version = 0;
  std::string document;
  Instant received{};
  bool pending = false;  ///< waits for its time
  bool repeated = false;
};

/// What a device's poll gets.
struct PlanDelivery {
  std::uint64_t version = 0;
  std::string envelope;
  std::string trust;
};

/// The topics that a device's poll waits for: its plan, or that it is gone; its partner's keys.
std::string plan_topic(const CustomerId& customer);
std::string trust_topic(const PartnerId& partner);

/// How long a vault's points stay: of the plan in force for its device. Nothing without a plan with
/// a cluster target: then all points stay.
Answer<std::optional<model::Retention>> retention_of(sql::Session& session, const DeviceId& device,
                                                     const CustomerId& customer, Instant now);

/// Thread: any.
class PlanRegistry {
 public:
  PlanRegistry(sql::Database& database, const Clock& clock, Changes& changes)
      : database_(database), clock_(clock), changes_(changes) {}

  /// Errors: as trust::PlanRefusalReason, its word as the code.
  Answer<PublishedPlan> publish(const trust::PlanTarget& target, std::string_view document);
  /// The newest for this target alone.
  Answer<PublishedPlan> current(const trust::PlanTarget& target);
  /// The plan for `device` newer than `after`, its own before its customer's; also the one it has
  /// where the partner's trust list is newer than `trust_serial`. Nothing where it has both.
  Answer<std::optional<PlanDelivery>> newer(const Device& device, std::uint64_t after,
                                            std::optional<std::uint64_t> trust_serial);

 private:
  sql::Database& database_;
  const Clock& clock_;
  Changes& changes_;
};

}  // namespace obhut::cluster
