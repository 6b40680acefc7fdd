#include "agent/plan/system_exclusions.h"

namespace obhut::plan {
namespace {

Selection without(const std::vector<std::string>& patterns) {
  SelectionRules rules;
  rules.ignore_case = true;
  for (const std::string& pattern : patterns) {
    if (Selection::make({{}, {pattern}, true})) rules.exclude.push_back(pattern);
  }
  Result<Selection> selection = Selection::make(rules);
  if (selection) return std::move(*selection);
  return *Selection::make({});  // too many: none of them holds
}

std::string_view relative(std::string_view path) {
  return path.starts_with('/') ? path.substr(1) : path;
}

}  // namespace

SystemExclusions::SystemExclusions(const platform::BackupExclusions& patterns)
    : whole_(without(patterns.whole)), files_(without(patterns.files)) {}

// What lies below a directory that is left out, the walk does not ask for.
bool SystemExclusions::covers(std::string_view path, bool is_directory) const {
  if (takes_all()) return false;
  const std::string_view inner = relative(path);
  const auto leaves_out = [&](const Selection& selection) {
    return selection.of_entry(inner, is_directory, {}).verdict == Verdict::kExclude;
  };
  if (!leaves_out(whole_) && (is_directory || !leaves_out(files_))) return false;
  const std::scoped_lock lock(mutex_);
  if (covered_.size() < kRemembered) covered_.emplace(path);
  return true;
}

bool SystemExclusions::exempt(std::string_view source) const {
  const std::string_view inner = relative(source);
  return !inner.empty() && (whole_.of(inner, true) == Verdict::kExclude ||
                            files_.of(inner, false) == Verdict::kExclude ||
                            whole_.of(std::string(inner) + "/x", false) == Verdict::kExclude);
}

std::vector<std::string> SystemExclusions::covered() const {
  const std::scoped_lock lock(mutex_);
  return {covered_.begin(), covered_.end()};
}

}  // namespace obhut::plan
