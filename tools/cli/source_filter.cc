#include "tools/cli/source_filter.h"

#include <algorithm>

#include "agent/model/plan.h"

namespace obhut::cli {

bool SourceFilter::wants(std::string_view path, bool is_directory) const {
  if (std::ranges::find(never_, path) != never_.end()) return false;
  if (selection_.takes_all() && system_.takes_all()) return true;
  const std::string* source = nullptr;
  for (const std::string& candidate : sources_) {
    const bool deeper = source == nullptr || candidate.size() > source->size();
    if (deeper && model::path_covers(candidate, path)) source = &candidate;
  }
  if (source == nullptr || path.size() <= source->size()) return true;
  const bool exempt = std::ranges::find(exempt_, *source) != exempt_.end();
  if (!exempt && system_.covers(path, is_directory)) return false;
  if (selection_.takes_all()) return true;
  std::string_view relative = path.substr(source->size());
  if (relative.starts_with('/')) relative.remove_prefix(1);
  // The walk asks for nothing below what was left out: without includes, this entry alone decides.
  const plan::Verdict verdict = has_includes_
                                    ? selection_.of(relative, is_directory)
                                    : selection_.of_entry(relative, is_directory, {}).verdict;
  return verdict == plan::Verdict::kInclude;
}

}  // namespace obhut::cli
