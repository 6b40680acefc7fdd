#include "agent/pipeline/progress.h"

#include <algorithm>

#include "platform/local_files.h"

namespace obhut::pipeline {
namespace {

const char* word_of(Phase phase) {
  switch (phase) {
    case Phase::kPreparing:
      return "preparing";
    case Phase::kReading:
      return "reading";
    case Phase::kCommitting:
      return "committing";
    case Phase::kDone:
      return model::kDonePhase;
  }
  return "preparing";
}

// The best that is known of the whole: the walk's own word once it is through, what was counted
// ahead, the point before for as long as the walk found no more than that.
void set_totals(const Progress& at, model::JobProgress& out) {
  using enum model::TotalsKind;
  const auto set = [&](model::TotalsKind kind, std::uint64_t files, std::uint64_t bytes) {
    out.totals = kind;
    out.files_total = std::max(files, out.files_done);
    out.bytes_total = std::max(bytes, out.bytes_done);
  };
  if (at.phase >= Phase::kCommitting) return set(kExact, out.files_done, out.bytes_done);
  if (at.walked) return set(kExact, at.found_files, at.found_bytes);
  if (at.counted && at.found_files <= at.counted_files) {
    return set(kExpected, at.counted_files, at.counted_bytes);
  }
  if (at.expected_files > 0 && at.found_files <= at.expected_files) {
    return set(kExpected, at.expected_files, at.expected_bytes);
  }
  const std::uint64_t files = std::max(at.found_files, at.counted_files);
  if (files > 0) set(kAtLeast, files, std::max(at.found_bytes, at.counted_bytes));
}

}  // namespace

model::JobProgress job_progress(const Progress& at, bool paused) {
  model::JobProgress out;
  out.job = "backup";
  out.phase = word_of(at.phase);
  out.paused = paused;
  out.directories_done = at.directories;
  out.read_bytes = at.read_bytes + at.open_bytes;
  // Workers and walk run ahead of the builder, who counts in the walk's order: a large file in
  // front would hide all that is done behind it.
  const bool ended = at.phase >= Phase::kCommitting;
  out.files_done = ended ? at.files : std::max(at.files, at.kept_files + at.read_files);
  out.bytes_done = ended ? at.bytes : std::max(at.bytes, at.kept_bytes + out.read_bytes);
  out.new_bytes = at.new_bytes;
  out.stored_bytes = at.stored_bytes;
  out.errors = at.skipped;
  set_totals(at, out);
  if (!ended) out.path = platform::shown(at.path);
  return out;
}

Progress ProgressBoard::snapshot() const {
  Progress now{.phase = phase,
               .files = files,
               .directories = directories,
               .bytes = bytes,
               .read_bytes = read_bytes,
               .new_bytes = new_bytes,
               .stored_bytes = stored_bytes,
               .skipped = skipped,
               .expected_files = expected_files,
               .expected_bytes = expected_bytes,
               .found_files = found_files,
               .found_bytes = found_bytes,
               .kept_files = kept_files,
               .kept_bytes = kept_bytes,
               .read_files = read_files,
               .open_bytes = open_bytes,
               .walked = walked,
               .counted_files = counted_files,
               .counted_bytes = counted_bytes,
               .counted = counted,
               .path = path.ask()};
  const std::scoped_lock lock(mutex_);
  if (!large_.empty()) now.path = large_.front();
  return now;
}

void ProgressBoard::enter_large(const std::string& file) {
  const std::scoped_lock lock(mutex_);
  large_.push_back(file);
}

void ProgressBoard::leave_large(const std::string& file) {
  const std::scoped_lock lock(mutex_);
  const auto at = std::ranges::find(large_, file);
  if (at != large_.end()) large_.erase(at);
}

}  // namespace obhut::pipeline
