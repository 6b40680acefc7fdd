#include "agent/plan/plan_change.h"

#include <algorithm>
#include <array>

#include "agent/base/text.h"
#include "agent/plan/selection.h"

namespace obhut::plan {
namespace {

using model::Plan;
using model::Retention;
using model::Source;
using model::Target;
using model::TargetType;

struct Count {
  const char* name;
  std::uint32_t Retention::*value;
};
constexpr std::array<Count, 6> kCounts = {{{"keep_last", &Retention::keep_last},
                                           {"hourly", &Retention::hourly},
                                           {"daily", &Retention::daily},
                                           {"weekly", &Retention::weekly},
                                           {"monthly", &Retention::monthly},
                                           {"yearly", &Retention::yearly}}};

std::string name_of(const Target& target) {
  return target.type == TargetType::kCluster ? "target cluster"
                                             : "target " + printable(target.path);
}

std::string from_to(const std::string& name, std::uint32_t from, std::uint32_t to) {
  return name + " " + std::to_string(from) + " to " + std::to_string(to);
}

void compare_retention(const Target& old_target, const Target& new_target,
                       std::vector<ChangeReason>& out) {
  const Retention& before = old_target.retention;
  const Retention& after = new_target.retention;
  const auto shorter = [&](const std::string& what) {
    out.push_back({ChangeKind::kShorterRetention, what + " on " + name_of(old_target)});
  };
  if (after.lock_days < before.lock_days) {
    shorter(from_to("lock_days", before.lock_days, after.lock_days));
  }
  if (after.keeps_all()) return;
  if (before.keeps_all()) {
    shorter("everything to a number");
    return;
  }
  for (const Count& count : kCounts) {
    if (after.*count.value < before.*count.value) {
      shorter(from_to(count.name, before.*count.value, after.*count.value));
    }
  }
}

void compare_targets(const Plan& in_force, const Plan& next, std::vector<ChangeReason>& out) {
  for (const Target& before : in_force.targets) {
    const auto after = std::ranges::find_if(next.targets, [&](const Target& target) {
      return target.type == before.type && target.path == before.path;
    });
    if (after == next.targets.end()) {
      out.push_back({ChangeKind::kTargetRemoved, name_of(before)});
    } else {
      compare_retention(before, *after, out);
    }
  }
}

/// Where a path lies in a plan, and under which source.
struct Place {
  const Source* source = nullptr;
  std::string outer;  // the source's path that covers it
};

Place find_place(const Plan& plan, const std::string& path) {
  for (const Source& source : plan.sources) {
    for (const std::string& outer : source.paths) {
      if (model::path_covers(outer, path)) return {&source, outer};
    }
  }
  return {};
}

/// Below `outer`, the path from there down with a slash behind; empty where they are the same.
std::string inner_prefix(const std::string& outer, const std::string& path) {
  if (outer.size() >= path.size()) return {};
  const std::size_t skip = outer.size() + (outer.back() == '/' || outer.back() == '\\' ? 0 : 1);
  std::string prefix = path.substr(std::min(skip, path.size()));
  std::ranges::replace(prefix, '\\', '/');
  return prefix + "/";
}

/// Names that nobody has: a pattern that takes one of them takes nearly everything. One for each
/// shape that a broad pattern may pick by, at the top and further down.
constexpr std::array<std::string_view, 10> kProbes = {
    "qzxvkw",     "QZXVKW",        "7304918265",         ".qzxvkw",       "_qzxvkw",
    "qzxvkw.qzx", "qzxvkw/vwkqzx", "qzxvkw/QZX/7304918", "Qz xv/v.qzxvk", "-qzxvkw~"};

bool excludes(const Selection& selection, const std::string& path) {
  return selection.of(path, /*is_directory=*/false) == Verdict::kExclude;
}

/// Whether `after` leaves out a name that nobody has and that `before` takes.
bool newly_broad(const Source& before, const std::string& before_prefix, const Source& after,
                 const std::string& after_prefix) {
  const Result<Selection> old_selection = Selection::make({{}, before.exclude, before.ignore_case});
  const Result<Selection> new_selection = Selection::make({{}, after.exclude, after.ignore_case});
  // A plan in force with patterns that no longer compile excludes nothing that we could know of.
  if (!new_selection) return true;
  return std::ranges::any_of(kProbes, [&](std::string_view probe) {
    const bool taken_before =
        !old_selection || !excludes(*old_selection, before_prefix + std::string(probe));
    return taken_before && excludes(*new_selection, after_prefix + std::string(probe));
  });
}

bool is_new_catch_all(const Source& before, const Source& after) {
  constexpr std::array<std::string_view, 8> kCatchAll = {"*",  "/",   "**",   "/*",
                                                         "*/", "/**", "**/*", "*.*"};
  return std::ranges::any_of(after.exclude, [&](const std::string& pattern) {
    return std::ranges::find(kCatchAll, pattern) != kCatchAll.end() &&
           std::ranges::find(before.exclude, pattern) == before.exclude.end();
  });
}

/// Include patterns narrow a source unless every old one is still there.
bool includes_narrowed(const Source& before, const Source& after) {
  if (after.include.empty()) return false;
  if (before.include.empty()) return true;
  const auto kept = [&](const std::string& pattern) {
    return std::ranges::find(after.include, pattern) != after.include.end();
  };
  const auto known = [&](const std::string& pattern) {
    return !pattern.starts_with('!') ||
           std::ranges::find(before.include, pattern) != before.include.end();
  };
  return !std::ranges::all_of(before.include, kept) || !std::ranges::all_of(after.include, known);
}

void compare_path(const Source& before, const std::string& path, const Place& place,
                  std::vector<ChangeReason>& out) {
  const Source& after = *place.source;
  const std::string shown = printable(path);
  const auto narrowed = [&](const std::string& why) {
    out.push_back({ChangeKind::kSourceNarrowed, shown + ": " + why});
  };
  if (includes_narrowed(before, after)) narrowed("include patterns");
  if (after.one_file_system && !before.one_file_system) narrowed("one_file_system");
  if (after.skip_cachedir_tag && !before.skip_cachedir_tag) narrowed("skip_cachedir_tag");

  const std::string prefix = inner_prefix(place.outer, path);
  if (newly_broad(before, "", after, prefix) || is_new_catch_all(before, after)) {
    out.push_back({ChangeKind::kBroadExclude, shown});
  }
}

void compare_sources(const Plan& in_force, const Plan& next, std::vector<ChangeReason>& out) {
  for (const Source& before : in_force.sources) {
    for (const std::string& path : before.paths) {
      const Place place = find_place(next, path);
      if (place.source == nullptr) {
        out.push_back({ChangeKind::kSourceRemoved, printable(path)});
      } else {
        compare_path(before, path, place, out);
      }
    }
  }
}

void compare_escrow(const Plan& in_force, const Plan& next, std::vector<ChangeReason>& out) {
  const auto key = [](const Plan& plan) {
    return plan.escrow ? plan.escrow->key.text().substr(0, 16) : std::string("none");
  };
  const bool same = in_force.escrow.has_value() == next.escrow.has_value() &&
                    (!next.escrow || in_force.escrow->key == next.escrow->key);
  if (!same) out.push_back({ChangeKind::kEscrowChanged, key(in_force) + " to " + key(next)});
}

}  // namespace

std::string_view to_string(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::kShorterRetention:
      return "shorter-retention";
    case ChangeKind::kSourceRemoved:
      return "source-removed";
    case ChangeKind::kSourceNarrowed:
      return "source-narrowed";
    case ChangeKind::kTargetRemoved:
      return "target-removed";
    case ChangeKind::kBroadExclude:
      return "broad-exclude";
    case ChangeKind::kEscrowChanged:
      return "escrow-changed";
  }
  return "unknown";
}

std::vector<ChangeReason> plan_change_risk(const Plan& in_force, const Plan& next) {
  std::vector<ChangeReason> out;
  compare_targets(in_force, next, out);
  compare_sources(in_force, next, out);
  compare_escrow(in_force, next, out);
  return out;
}

}  // namespace obhut::plan
