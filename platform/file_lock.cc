#include "platform/file_lock.h"

#include <condition_variable>
#include <mutex>

#include "agent/base/text.h"
#include "platform/atomic_file.h"
#include "platform/file_lock_half.h"
#include "platform/machine.h"

namespace obhut::platform {
namespace {

Error held_by_another(const std::string& path) {
  constexpr std::size_t kCap = 4096;
  const Result<Bytes> holder = read_file(path, kCap);
  std::string who = holder ? std::string(as_text(*holder)) : std::string();
  while (who.ends_with('\n')) who.pop_back();
  if (who.empty()) who = "another process (perhaps one that reads)";
  return {ErrorKind::kConflict, "lock " + printable(path) + ": in use by " + printable(who) +
                                    "; try again when it is done"};
}

/// False once `stop` was asked for.
bool pause(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace

Result<FileLock> FileLock::acquire(const std::string& path, LockMode mode,
                                   const std::string& purpose, std::chrono::milliseconds patience,
                                   std::stop_token stop) {
  ASSIGN_OR_RETURN(Handle file, lock_half::open(path, mode));
  if (!file.valid()) return FileLock(std::move(file));
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    ASSIGN_OR_RETURN(const bool locked, lock_half::try_lock(file, mode, path));
    if (locked) break;
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "lock " + printable(path));
    if (std::chrono::steady_clock::now() >= deadline) return std::unexpected(held_by_another(path));
    constexpr std::chrono::milliseconds kPause{50};
    if (!pause(kPause, stop)) return fail(ErrorKind::kCancelled, "lock " + printable(path));
  }
  if (mode == LockMode::kExclusive) {
    lock_half::write_text(
        file, purpose + ", process " + std::to_string(process_id()) + " on " + host_name() + "\n");
  }
  return FileLock(std::move(file));
}

}  // namespace obhut::platform
