#pragma once
// How far a backup is, for whoever looks: a terminal, the local socket. Looking costs nothing.

#include <atomic>
#include <cstdint>

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
  std::uint64_t expected_files = 0;  ///< of the point before; 0: unknown
  std::uint64_t expected_bytes = 0;
};

/// Thread: any.
class ProgressBoard {
 public:
  [[nodiscard]] Progress snapshot() const;

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
};

}  // namespace obhut::pipeline
