#pragma once
// The seam through which what a plan says of each source reaches the walk.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace obhut::scan {

/// What holds below one source, down to a source nested in it.
struct SourceRules {
  /// Nothing behind a mount point, unless that is named as a source itself. (btrfs subvolumes are
  /// file systems of their own here.)
  bool one_file_system = false;
  /// Of a directory with a valid CACHEDIR.TAG only itself and the tag.
  bool skip_caches = false;
};

/// Thread: any.
class EntryFilter {
 public:
  virtual ~EntryFilter() = default;

  /// Asked for each entry below a source, never for the source itself; false leaves the entry out,
  /// and a directory with all below it. `path` is the absolute path in the system's bytes.
  /// A directory needed as ancestor of something included must be let through.
  [[nodiscard]] virtual bool wants(std::string_view path, bool is_directory) const = 0;

  /// Asked once for each source; nothing: those of WalkOptions hold.
  [[nodiscard]] virtual std::optional<SourceRules> rules_of(std::string_view /*source*/) const {
    return std::nullopt;
  }

  /// Of what wants() said no to: what nobody of us chose, but the system did. For the report.
  [[nodiscard]] virtual std::vector<std::string> left_out_for_system() const { return {}; }
};

}  // namespace obhut::scan
