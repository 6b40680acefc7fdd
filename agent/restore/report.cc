#include "agent/restore/report.h"

#include <algorithm>

#include "agent/base/text.h"

namespace obhut::restore {

std::string_view to_string(ProblemKind kind) {
  return kind == ProblemKind::kMissing ? "missing" : "metadata";
}

Error not_to_be_read() {
  return {ErrorKind::kRefused, "whoever asks could not read it when it was backed up"};
}

model::JobProgress job_progress(const RestoreProgress& at) {
  model::JobProgress out;
  out.job = "restore";
  out.phase = at.done ? model::kDonePhase : "restoring";
  out.files_done = at.files + at.kept_files + at.lost_files;
  out.directories_done = at.directories;
  out.written_bytes = at.bytes + at.open_bytes;
  out.bytes_done = out.written_bytes + at.kept_bytes + at.lost_bytes;
  out.errors = at.lost_files;
  out.totals = at.done ? model::TotalsKind::kExact : at.totals.load();
  if (out.totals != model::TotalsKind::kUnknown) {
    out.files_total = at.done ? out.files_done : std::max(out.files_done, at.total_files.load());
    out.bytes_total = at.done ? out.bytes_done : std::max(out.bytes_done, at.total_bytes.load());
  }
  if (!at.done) out.path = printable(at.path.ask());
  return out;
}

void Problems::add(ProblemKind kind, std::string_view path, Error reason) {
  const std::scoped_lock lock(mutex_);
  ++counts_[static_cast<std::size_t>(kind)];
  if (remembered_.size() < kRemembered) {
    remembered_.push_back({kind, std::string(path), std::move(reason)});
  }
}

std::uint64_t Problems::count(ProblemKind kind) const {
  const std::scoped_lock lock(mutex_);
  return counts_[static_cast<std::size_t>(kind)];
}

std::vector<Problem> Problems::remembered() const {
  const std::scoped_lock lock(mutex_);
  return remembered_;
}

void Problems::leave_out(std::string_view family) {
  const std::scoped_lock lock(mutex_);
  ++left_out_[std::string(family)];
}

std::map<std::string, std::uint64_t> Problems::left_out() const {
  const std::scoped_lock lock(mutex_);
  return left_out_;
}

}  // namespace obhut::restore
