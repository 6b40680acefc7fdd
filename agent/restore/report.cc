#include "agent/restore/report.h"

namespace obhut::restore {

std::string_view to_string(ProblemKind kind) {
  return kind == ProblemKind::kMissing ? "missing" : "metadata";
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

}  // namespace obhut::restore
