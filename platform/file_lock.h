#pragma once
// Who may work on a vault or state folder now. The lock ends with the process that holds it, even
// by kill -9: there are no stale locks to break.

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include "agent/base/result.h"
#include "platform/handle.h"

namespace obhut::platform {

enum class LockMode : std::uint8_t { kShared, kExclusive };

/// Between processes, and between two FileLocks of one process.
class FileLock {
 public:
  /// Waits up to `patience` (zero: does not wait). The file is made (0600) where missing and stays.
  /// `purpose` ("backup") is written into it by an exclusive holder for the message that others
  /// get. Errors: kConflict naming the holder, kRefused, kCancelled.
  static Result<FileLock> acquire(const std::string& path, LockMode mode,
                                  const std::string& purpose,
                                  std::chrono::milliseconds patience = {},
                                  std::stop_token stop = {});

  FileLock(FileLock&&) noexcept = default;
  FileLock& operator=(FileLock&&) noexcept = default;
  ~FileLock() = default;

 private:
  explicit FileLock(Handle handle) : handle_(std::move(handle)) {}
  Handle handle_;
};

}  // namespace obhut::platform
