#pragma once
// What a restore did, and what it could not do.

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/base/text_on_demand.h"
#include "agent/model/job_progress.h"

namespace obhut::restore {

enum class ProblemKind : std::uint8_t {
  kMissing,   ///< the entry is not in the target, or not whole
  kMetadata,  ///< its content is there, something about it could not be set
};

/// "missing", "metadata": stable words for JSON.
std::string_view to_string(ProblemKind kind);

struct Problem {
  ProblemKind kind = ProblemKind::kMissing;
  std::string path;  ///< relative to the root of the point
  Error reason;
};

/// Why an entry is missing that whoever asks could not have read.
Error not_to_be_read();

/// Counts all, remembers the first 10,000. Thread: any.
class Problems {
 public:
  static constexpr std::size_t kRemembered = 10'000;
  void add(ProblemKind kind, std::string_view path, Error reason);
  [[nodiscard]] std::uint64_t count(ProblemKind kind) const;
  [[nodiscard]] std::vector<Problem> remembered() const;

  /// An entry had an attribute (or several of one family) that this system has not.
  void leave_out(std::string_view family);
  [[nodiscard]] std::map<std::string, std::uint64_t> left_out() const;

 private:
  mutable std::mutex mutex_;
  std::vector<Problem> remembered_;
  std::uint64_t counts_[2] = {};
  std::map<std::string, std::uint64_t> left_out_;
};

/// Sums so far. Thread: any.
struct RestoreProgress {
  std::atomic<std::uint64_t> files{0};  ///< entries that are no directories, written
  std::atomic<std::uint64_t> directories{0};
  std::atomic<std::uint64_t> bytes{0};  ///< of the files written
  std::atomic<std::uint64_t> kept_files{0};
  std::atomic<std::uint64_t> kept_bytes{0};
  std::atomic<std::uint64_t> lost_files{0};  ///< could not be written
  std::atomic<std::uint64_t> lost_bytes{0};
  std::atomic<std::uint64_t> open_bytes{0};  ///< written of large files that are not finished
  std::atomic<model::TotalsKind> totals{model::TotalsKind::kUnknown};
  std::atomic<std::uint64_t> total_files{0};
  std::atomic<std::uint64_t> total_bytes{0};
  std::atomic<bool> done{false};
  TextOnDemand path;  ///< of the file that was finished last
};

/// In the words of every job.
model::JobProgress job_progress(const RestoreProgress& at);

struct RestoreReport {
  std::uint64_t files = 0;  ///< entries that are no directories, written
  std::uint64_t directories = 0;
  std::uint64_t bytes = 0;    ///< apparent size of the files written
  std::uint64_t kept = 0;     ///< left as they were in the target
  std::uint64_t renamed = 0;  ///< written under another name
  std::uint64_t missing = 0;
  std::uint64_t metadata_problems = 0;
  std::vector<Problem> problems;
  /// Entries by family of attributes ("windows", "user") that the target's system cannot hold. No
  /// failure: the other system's own things are in the point still.
  std::map<std::string, std::uint64_t> left_out;

  [[nodiscard]] bool complete() const { return missing + metadata_problems == 0; }
};

}  // namespace obhut::restore
