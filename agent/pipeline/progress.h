#pragma once
// How far a backup is, for whoever looks: a terminal, the local socket. Looking costs nothing, and
// being looked at next to nothing.

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "agent/base/text_on_demand.h"
#include "agent/model/job_progress.h"

namespace obhut::pipeline {

enum class Phase : std::uint8_t {
  kPreparing,   ///< index, heads, packs that an earlier run left
  kReading,     ///< sources are walked and read
  kCommitting,  ///< the last packs, the index and the head go out
  kDone,
};

/// Sums so far. Bytes are apparent sizes unless named otherwise.
struct Progress {
  Phase phase = Phase::kPreparing;
  std::uint64_t files = 0;  ///< entries that are no directories, finished
  std::uint64_t directories = 0;
  std::uint64_t bytes = 0;           ///< of the finished files
  std::uint64_t read_bytes = 0;      ///< read from the sources
  std::uint64_t new_bytes = 0;       ///< of them not stored before
  std::uint64_t stored_bytes = 0;    ///< sealed and acknowledged
  std::uint64_t skipped = 0;         ///< could not be read
  std::uint64_t expected_files = 0;  ///< of the point before, of the same sources; 0: unknown
  std::uint64_t expected_bytes = 0;
  std::uint64_t found_files = 0;  ///< by the walk so far
  std::uint64_t found_bytes = 0;
  std::uint64_t kept_files = 0;  ///< of the found ones those that need no reading
  std::uint64_t kept_bytes = 0;
  std::uint64_t read_files = 0;     ///< that workers are through with
  std::uint64_t open_bytes = 0;     ///< read of large files that are not finished
  bool walked = false;              ///< what was found is all there is
  std::uint64_t counted_files = 0;  ///< by a count that runs ahead of the walk
  std::uint64_t counted_bytes = 0;
  bool counted = false;  ///< that count has ended
  std::string path;      ///< that is looked at or read now, raw bytes
};

/// In the words of every job. In: whether the job stands still for a pause.
model::JobProgress job_progress(const Progress& at, bool paused);

/// Thread: any.
class ProgressBoard {
 public:
  [[nodiscard]] Progress snapshot() const;

  /// A large file: what is shown until leave_large() with the same path.
  void enter_large(const std::string& path);
  void leave_large(const std::string& path);

  std::atomic<Phase> phase{Phase::kPreparing};
  std::atomic<std::uint64_t> files{0};
  std::atomic<std::uint64_t> directories{0};
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> read_bytes{0};
  std::atomic<std::uint64_t> new_bytes{0};
  std::atomic<std::uint64_t> stored_bytes{0};
  std::atomic<std::uint64_t> skipped{0};
  std::atomic<std::uint64_t> expected_files{0};
  std::atomic<std::uint64_t> expected_bytes{0};
  std::atomic<std::uint64_t> found_files{0};
  std::atomic<std::uint64_t> found_bytes{0};
  std::atomic<std::uint64_t> kept_files{0};
  std::atomic<std::uint64_t> kept_bytes{0};
  std::atomic<std::uint64_t> read_files{0};
  std::atomic<std::uint64_t> open_bytes{0};
  std::atomic<bool> walked{false};
  std::atomic<std::uint64_t> counted_files{0};
  std::atomic<std::uint64_t> counted_bytes{0};
  std::atomic<bool> counted{false};
  TextOnDemand path;  ///< where the walk is

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> large_;  // one a worker at most
};

}  // namespace obhut::pipeline
