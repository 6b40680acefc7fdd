#pragma once
// Machines that present one identity: told from a restart and from a machine that was restored.

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/log.h"
#include "service/cluster/devices.h"
#include "service/cluster/refusal.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

inline constexpr std::string_view kClonedDevice = "cloned-device";
inline constexpr std::string_view kForkedVault = "forked-vault";

/// Notes which process of the device was heard from. One that comes back after another was heard is
/// alive beside it; but a machine that was set back to a snapshot of its memory comes back as well,
/// once each time. So that many returns within an hour it takes to be two machines: then
/// count_clone().
Answer<void> note_instance(sql::Session& session, const Device& device, const InstanceId& instance,
                           Instant now);
/// From now on the device's identity is two workloads (BILLING.md rule 5). Counted once, until the
/// partner resolves it.
Answer<void> count_clone(sql::Session& session, const Device& device, Instant now);
/// What note_instance() remembers.
Result<void> forget_instances(sql::Session& session, const DeviceId& device);

}  // namespace obhut::cluster
