#include "service/endpoint/source_filter.h"

#include <algorithm>

#include "platform/local_files.h"

namespace obhut::endpoint {

SourceFilter::SourceFilter(std::vector<Rule> rules, const platform::BackupExclusions& system)
    : rules_(std::move(rules)), system_(system) {
  for (Rule& rule : rules_) rule.exempt = system_.exempt(rule.path);
}

Result<std::unique_ptr<SourceFilter>> SourceFilter::make(const model::Plan& plan,
                                                         const platform::BackupExclusions& system) {
  std::vector<Rule> rules;
  for (const model::Source& source : plan.sources) {
    ASSIGN_OR_RETURN(const plan::Selection selection, plan::Selection::for_source(source));
    for (const std::string& path : source.paths) {
      // A plan writes paths as its system does: "C:\\Users".
      ASSIGN_OR_RETURN(std::string place, platform::absolute_path(path));
      rules.push_back(
          {std::move(place), selection, {source.one_file_system, source.skip_cachedir_tag}, false});
    }
  }
  std::ranges::stable_sort(rules, std::ranges::greater{},
                           [](const Rule& rule) { return rule.path.size(); });
  return std::unique_ptr<SourceFilter>(new SourceFilter(std::move(rules), system));
}

bool SourceFilter::wants(std::string_view path, bool is_directory) const {
  for (const Rule& rule : rules_) {
    if (!model::path_covers(rule.path, path)) continue;
    if (!rule.exempt && system_.covers(path, is_directory)) return false;
    if (rule.selection.takes_all()) return true;
    const std::size_t skip = rule.path == "/" ? 1 : rule.path.size() + 1;
    if (path.size() <= skip) return true;  // the source itself
    return rule.selection.of(path.substr(skip), is_directory) == plan::Verdict::kInclude;
  }
  return true;
}

std::optional<scan::SourceRules> SourceFilter::rules_of(std::string_view source) const {
  const auto at = std::ranges::find(rules_, source, &Rule::path);
  return at == rules_.end() ? std::nullopt : std::optional(at->walk);
}

std::vector<std::string> SourceFilter::paths() const {
  std::vector<std::string> paths;
  paths.reserve(rules_.size());
  for (const Rule& rule : rules_) paths.push_back(rule.path);
  return paths;
}

}  // namespace obhut::endpoint
