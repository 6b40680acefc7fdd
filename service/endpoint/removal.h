#pragma once
// The software leaves this machine: the cluster is told, once, by the package that removes it.

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/result.h"
#include "service/endpoint/config.h"

namespace obhut::endpoint {

/// An alert for the partner, and no end of the licence: only the partner removes a workload. A
/// device that is heard from again takes it back. Nothing to do where this endpoint was never
/// enrolled. Errors: kConflict while the daemon runs; those of the line. A removal does not wait
/// for them.
Result<void> report_removal(const Config& config, Clock& clock, const Log& log);

}  // namespace obhut::endpoint
