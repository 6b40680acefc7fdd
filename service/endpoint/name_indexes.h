#pragma once
// The names of the vaults that somebody searches just now.

#include <chrono>
#include <map>
#include <memory>
#include <mutex>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/restore/name_index.h"

namespace obhut::endpoint {

/// Thread: any.
class NameIndexes {
 public:
  explicit NameIndexes(Clock& clock) : clock_(clock) {}

  std::shared_ptr<restore::NameIndex> of(const VaultId& vault);
  /// Lets go of those that nobody has asked for in ten minutes: a daemon runs for years.
  void forget_idle();

 private:
  struct Held {
    std::shared_ptr<restore::NameIndex> index;  // shared with the searches that use it
    std::chrono::steady_clock::time_point asked{};
  };
  Clock& clock_;
  std::mutex mutex_;
  std::map<VaultId, Held> held_;
};

}  // namespace obhut::endpoint
