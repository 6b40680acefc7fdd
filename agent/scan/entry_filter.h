#pragma once
// The seam through which a plan's include and exclude patterns reach the walk.

#include <string_view>

namespace obhut::scan {

class EntryFilter {
 public:
  virtual ~EntryFilter() = default;

  /// Asked once for each entry below a source, never for the source itself; false leaves the entry
  /// out, and a directory with all below it. `path` is the absolute path in the system's bytes.
  /// A directory needed as ancestor of something included must be let through.
  [[nodiscard]] virtual bool wants(std::string_view path, bool is_directory) const = 0;
};

}  // namespace obhut::scan
