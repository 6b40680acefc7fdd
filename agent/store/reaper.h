#pragma once
// Removal, which only a local target has: ARCHITECTURE.md section 5, invariant 3.

#include <memory>
#include <span>
#include <stop_token>

#include "agent/base/result.h"
#include "agent/model/object_name.h"

namespace obhut::store {

/// Nobody else reads or writes the store while it lives.
class Quiet {
 public:
  virtual ~Quiet() = default;
};

class Reaper {
 public:
  virtual ~Reaper() = default;

  /// Keeps readers and writers out until the answer goes: hold it briefly, they wait for it.
  /// Errors: kConflict where a backup, restore or check is at work; it is not waited for.
  virtual Result<std::unique_ptr<Quiet>> quiet(std::stop_token stop) = 0;

  /// Removes an object durably. Removing what is not there is harmless. The caller keeps readers
  /// and writers out (quiet(), or a lock of its own), and has made what refers to the object
  /// durable without it.
  virtual Result<void> remove(const model::ObjectName& name, std::stop_token stop) = 0;

  /// The same for many, in any order: a crash leaves any of them. Durable when it returns.
  virtual Result<void> remove_all(std::span<const model::ObjectName> names,
                                  std::stop_token stop) = 0;
};

}  // namespace obhut::store
