#pragma once
// Hands a proved package to the package manager, in a process that does not end with the daemon:
// the upgrade starts the daemon anew. It believes nothing that the daemon wrote.

#include <functional>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/result.h"
#include "service/endpoint/config.h"

namespace obhut::endpoint {

/// Proves what the daemon handed over, from the release root that the package brought on; copies
/// the package into a folder of its own while it compares it with the release; installs the copy;
/// and leaves a result there.
/// `ready` is called once all is proved, before the package manager starts.
/// Errors: kNotFound where nothing was handed over, kConflict while another one is installed;
/// kRefused, kCrypto, kInvalidInput for what proves to be wrong; kUnavailable where the package
/// manager failed.
Result<void> install_update(const Config& config, Clock& clock, const Log& log,
                            const std::function<void()>& ready);

}  // namespace obhut::endpoint
