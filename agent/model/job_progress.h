#pragma once
// How far a job is, in the one form in which terminals, the local socket and JSON tell it.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace obhut::model {

/// What is known of the whole.
enum class TotalsKind : std::uint8_t {
  kUnknown,
  kAtLeast,   ///< found so far; more will come
  kExpected,  ///< of the point before, or counted ahead: the end may differ a little
  kExact,
};

/// "unknown", "at_least", "expected", "exact": stable words for JSON.
std::string_view to_string(TotalsKind kind);

/// The last phase of every job.
inline constexpr const char* kDonePhase = "done";

/// One look at a running job. Bytes are apparent sizes unless named otherwise.
struct JobProgress {
  std::string job;     ///< "backup", "restore", "check", "repair", "prune"
  std::string phase;   ///< what it is at: progress_json.h lists the words
  std::string target;  ///< of a backup to several targets the one that is at hand; else ""
  bool paused = false;
  std::uint64_t files_done = 0;  ///< entries that are no directories, dealt with
  std::uint64_t directories_done = 0;
  std::uint64_t bytes_done = 0;  ///< dealt with: read, written, or found to need neither
  TotalsKind totals = TotalsKind::kUnknown;
  std::uint64_t files_total = 0;  ///< both 0 where unknown
  std::uint64_t bytes_total = 0;
  std::uint64_t packs_done = 0;
  std::uint64_t packs_total = 0;  ///< 0: packs do not matter to this phase
  std::uint64_t points_done = 0;
  std::uint64_t points_total = 0;   ///< 0: points do not matter to this phase
  std::uint64_t read_bytes = 0;     ///< from the sources, or from packs where those are checked
  std::uint64_t written_bytes = 0;  ///< into the target of a restore
  std::uint64_t new_bytes = 0;      ///< of the read ones not stored before
  std::uint64_t stored_bytes = 0;   ///< sealed and acknowledged
  std::uint64_t errors = 0;         ///< entries left out, files lost, faults found
  std::string path;                 ///< looked at now, as printable() writes it; "": not told
};

/// What several looks together say.
struct ProgressEstimate {
  std::chrono::milliseconds elapsed{0};
  std::uint64_t bytes_per_second = 0;  ///< read or written, of the last seconds
  std::uint64_t files_per_second = 0;
  /// Share of the phase's entries and bytes, or of its packs, rounded down; 100 with the phase
  /// "done" alone.
  std::optional<unsigned> percent;
  /// Of this phase; at least one second before "done". Nothing while there is no ground for it.
  std::optional<std::chrono::seconds> left;
};

struct ProgressView {
  JobProgress progress;
  ProgressEstimate estimate;
};

}  // namespace obhut::model
