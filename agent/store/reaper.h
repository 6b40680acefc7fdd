#pragma once
// Removal, which only a local target has: ARCHITECTURE.md section 5, invariant 3.

#include <stop_token>

#include "agent/base/result.h"
#include "agent/model/object_name.h"

namespace obhut::store {

class Reaper {
 public:
  virtual ~Reaper() = default;

  /// Removes an object durably. Removing what is not there is harmless. The caller holds the lock
  /// that keeps readers and writers out, and has made what refers to the object durable without
  /// it.
  virtual Result<void> remove(const model::ObjectName& name, std::stop_token stop) = 0;
};

}  // namespace obhut::store
