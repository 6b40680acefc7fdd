#pragma once
// The licences of workloads, and the events with which they begin and end.

#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/trust/receipt.h"
#include "service/cluster/devices.h"
#include "service/cluster/sql/database.h"
#include "service/cluster/tenants.h"

namespace obhut::cluster {

struct Activation {
  Instant at{};
  trust::ClockSource clock = trust::ClockSource::kReceipt;
};

/// As the table of workloads and the events say it.
std::string_view clock_word(trust::ClockSource clock);
trust::ClockSource clock_of(std::string_view word);

/// In: the hash of the machine that presents the workload; zero where the next installation on it
/// is another workload's.
Result<void> begin_licence(sql::Session& session, const Customer& customer, const WorkloadId& id,
                           std::string_view kind, const Sha256& hardware,
                           const Activation& activation, Instant now);
/// Only the partner ends one (BILLING.md rule 7).
Result<void> end_licence(sql::Session& session, const Customer& customer, const WorkloadId& id,
                         Instant now);

}  // namespace obhut::cluster
