#pragma once
// A walk written down as lines: "+ dir", "- dir" (left), "  entry", "s skipped", "! error".

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "agent/scan/walker.h"
#include "tests/platform/temp_folder.h"

namespace obhut::test {

struct WalkLog {
  std::vector<std::string> lines;
  std::vector<std::string> errors;
};

inline WalkLog walk_once(const std::vector<std::string>& sources, const std::string& base,
                         const scan::WalkOptions& options, bool with_ancestors) {
  WalkLog log;
  Result<scan::Walker> walker = scan::Walker::create(sources, options);
  if (!walker) {
    ADD_FAILURE() << walker.error().message;
    return log;
  }
  while (const auto event = walker->next()) {
    std::string path(event->path);
    const bool below = path.starts_with(base + "/");
    if (below) path = path.substr(base.size() + 1);
    if (event->kind == scan::WalkKind::kError) log.errors.push_back(event->error.message);
    if (!below && !with_ancestors && event->kind != scan::WalkKind::kError) continue;
    const char* mark = event->kind == scan::WalkKind::kEnterDirectory   ? "+ "
                       : event->kind == scan::WalkKind::kLeaveDirectory ? "- "
                       : event->kind == scan::WalkKind::kEntry          ? "  "
                       : event->kind == scan::WalkKind::kSkipped        ? "s "
                                                                        : "! ";
    std::string line = mark + path;
    if (event->kind == scan::WalkKind::kEnterDirectory) {
      if (event->ancestor_only) line += " (way)";
      if (event->note == scan::WalkNote::kCache) line += " (cache)";
      if (event->note == scan::WalkNote::kOtherFileSystem) line += " (other)";
      if (event->note == scan::WalkNote::kPseudoFileSystem) line += " (pseudo)";
    }
    log.lines.push_back(std::move(line));
  }
  return log;
}

/// Paths are told relative to `base`; what lies above it is left out unless `with_ancestors`.
/// A second thread that looks ahead changes nothing.
inline WalkLog walk(const std::vector<std::string>& sources, const std::string& base,
                    scan::WalkOptions options = {}, bool with_ancestors = false) {
  options.look_ahead = false;
  WalkLog alone = walk_once(sources, base, options, with_ancestors);
  options.look_ahead = true;
  const WalkLog ahead = walk_once(sources, base, options, with_ancestors);
  EXPECT_EQ(ahead.lines, alone.lines);
  EXPECT_EQ(ahead.errors, alone.errors);
  return alone;
}

}  // namespace obhut::test
