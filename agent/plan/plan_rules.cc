#include "agent/plan/plan_rules.h"

#include <algorithm>
#include <set>
#include <string>

#include "agent/base/text.h"
#include "agent/plan/schedule.h"
#include "agent/plan/selection.h"

namespace obhut::plan {
namespace {

using model::Plan;
using model::Source;
using model::Target;
using model::TargetType;

std::unexpected<Error> bad(const std::string& pointer, const std::string& why) {
  return fail(ErrorKind::kInvalidInput, "plan: " + pointer + ": " + why);
}

bool is_separator(char c) {
  return c == '/' || c == '\\';
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// "/a/b", "C:\a" or "\\server\share": a plan is written for either system, on either.
bool is_windows_path(std::string_view path) {
  const bool drive =
      path.size() >= 3 && is_letter(path[0]) && path[1] == ':' && is_separator(path[2]);
  return drive || (path.size() > 2 && path.starts_with("\\\\"));
}

/// Nothing, or why the path is not one that means a single place.
std::string path_problem(std::string_view path) {
  const bool windows = is_windows_path(path);
  if (!windows && !path.starts_with('/')) return "must be absolute";
  if (path.find('\0') != path.npos) return "holds a NUL";
  const auto separates = [&](char c) { return c == '/' || (windows && c == '\\'); };
  std::string_view rest = windows ? path.substr(path[1] == ':' ? 3 : 2) : path.substr(1);
  if (!rest.empty() && separates(rest.back())) return "must not end in a slash";
  while (!rest.empty()) {
    const auto* end = std::ranges::find_if(rest, separates);
    const std::string_view name(rest.begin(), end);
    if (name.empty()) return "holds an empty name";
    if (name == "." || name == "..") return "must not hold . or ..";
    rest = end == rest.end() ? std::string_view() : std::string_view(end + 1, rest.end());
  }
  return {};
}

Result<void> check_patterns(const std::vector<std::string>& patterns, const std::string& pointer,
                            bool ignore_case) {
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    const Result<Selection> good = Selection::make({{patterns[i]}, {}, ignore_case});
    if (!good) return bad(pointer + "/" + std::to_string(i), good.error().message);
  }
  return {};
}

/// Every path means a place of its own: one inside another would be read twice and come back twice.
Result<void> check_sources(const Plan& plan) {
  std::vector<std::string> seen;
  for (std::size_t s = 0; s < plan.sources.size(); ++s) {
    const Source& source = plan.sources[s];
    const std::string pointer = "/sources/" + std::to_string(s);
    for (std::size_t p = 0; p < source.paths.size(); ++p) {
      const std::string& path = source.paths[p];
      const std::string where = pointer + "/paths/" + std::to_string(p);
      if (const std::string problem = path_problem(path); !problem.empty()) {
        return bad(where, printable(path) + " " + problem);
      }
      for (const std::string& other : seen) {
        if (model::path_covers(other, path) || model::path_covers(path, other)) {
          return bad(where, printable(path) + " and " + printable(other) + " overlap");
        }
      }
      seen.push_back(path);
    }
    TRY(check_patterns(source.include, pointer + "/include", source.ignore_case));
    TRY(check_patterns(source.exclude, pointer + "/exclude", source.ignore_case));
  }
  return {};
}

Result<void> check_targets(const Plan& plan) {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < plan.targets.size(); ++i) {
    const Target& target = plan.targets[i];
    const std::string pointer = "/targets/" + std::to_string(i);
    if (target.type == TargetType::kCluster) {
      if (!target.path.empty()) return bad(pointer + "/path", "belongs to local targets only");
      if (!target.key.empty()) return bad(pointer + "/key", "belongs to local targets only");
    } else if (const std::string problem = path_problem(target.path); !problem.empty()) {
      return bad(pointer + "/path",
                 target.path.empty() ? "is missing" : printable(target.path) + " " + problem);
    }
    if (!seen.insert(target.path).second) return bad(pointer, "the same target stands twice");
  }
  return {};
}

}  // namespace

Result<void> check_rules(const Plan& plan) {
  TRY(check_sources(plan));
  TRY(check_targets(plan));
  const Result<Schedule> schedule = Schedule::make(plan.schedule, DeviceId{});
  if (!schedule) return bad("/schedule", schedule.error().message);
  // A low-order point would give every vault the same escrow key; zero is the one that slips in.
  if (plan.escrow && plan.escrow->key.is_zero()) return bad("/escrow/key", "is all zero");
  return {};
}

}  // namespace obhut::plan
