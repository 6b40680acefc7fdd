#pragma once
// The sources of a plan as one tree, so that nested and repeated ones are walked once.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace obhut::scan {

/// A directory on the way to a source, or a source.
struct SourceNode {
  bool is_source = false;
  std::map<std::string, std::unique_ptr<SourceNode>, std::less<>> below;

  /// Null where no source lies at or below `name`.
  [[nodiscard]] const SourceNode* child(std::string_view name) const {
    const auto found = below.find(name);
    return found == below.end() ? nullptr : found->second.get();
  }
};

/// The node of "/". kInvalidInput for no source, a relative path, one with ".." (whose meaning
/// would depend on symbolic links) or a zero byte.
Result<std::unique_ptr<SourceNode>> source_tree(const std::vector<std::string>& sources);

}  // namespace obhut::scan
