#pragma once
// Walks the sources of a backup: lazily, in one fixed order, holding one directory's names a level.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "agent/scan/entry_filter.h"
#include "agent/scan/source_views.h"
#include "platform/file_status.h"
#include "platform/filesystem.h"

namespace obhut::scan {

struct WalkOptions {
  /// For every source of which the filter says nothing else.
  SourceRules rules;
  /// Nothing behind a mount point of /proc, /sys and the like, unless named as a source.
  bool skip_pseudo_file_systems = true;
  /// Borrowed for the walker's life; none: everything is wanted.
  const EntryFilter* filter = nullptr;
  /// Borrowed for the walker's life; none: everything is read where it lies.
  SourceViews* views = nullptr;
  /// Directory handles that the walker itself keeps; jobs in flight may keep more.
  std::size_t open_directories = 64;
  /// A second thread looks at what comes next. The filter is asked from both.
  bool look_ahead = false;
};

enum class WalkKind : std::uint8_t {
  kEnterDirectory,
  kEntry,           ///< anything that is no directory
  kLeaveDirectory,  ///< matches the last open kEnterDirectory
  kSkipped,         ///< `note` says why; belongs into the report, not into the tree
  kError,           ///< could not be read; belongs into the report, the walk goes on
  kStopped,         ///< `views` refused: the walk must not go on
};

enum class WalkNote : std::uint8_t {
  kNone,
  kSocket,            ///< kSkipped: has no content and lives as long as its process
  kUnknownType,       ///< kSkipped
  kSnapshots,         ///< kSkipped: the folder of our own snapshots of a volume
  kCache,             ///< kEnterDirectory: content left out, see WalkOptions
  kOtherFileSystem,   ///< kEnterDirectory: content left out
  kPseudoFileSystem,  ///< kEnterDirectory: content left out
};

/// One step of the walk.
struct WalkEvent {
  WalkKind kind = WalkKind::kEntry;
  WalkNote note = WalkNote::kNone;
  /// A directory that is no source, only on the way to one.
  bool ancestor_only = false;
  /// Absolute; "/" for the root. Valid until the next call of next().
  std::string_view path;
  /// Last component of `path`; empty for the root.
  std::string_view name;
  platform::FileStatus status;  ///< of entries and directories; kError and kSkipped have none
  /// kEntry: the directory that it is in, to open it from. kEnterDirectory, kLeaveDirectory: the
  /// directory itself (null on leaving one that was moved away meanwhile, which a kError told).
  /// Shared with the walker, so that jobs may outlive the step.
  std::shared_ptr<const platform::Directory> folder;
  Error error;  ///< kError and kStopped only; its message names the path
};

/// One tree from the root on: every source with the directories that lead to it. A directory's
/// entries come in the order of their names' bytes, each directory's content between its enter and
/// leave. Sources that nest or repeat come once; a nested source is walked even where the filter
/// or a mount point would have left it out of the outer one.
///
/// Iterative, with a bounded number of open directories: depth is limited by memory alone.
/// Thread: one (see look_ahead); the directories handed out may be used by any.
class Walker {
 public:
  /// `sources`: absolute paths. kInvalidInput for none, a relative one, or one with "..".
  static Result<Walker> create(const std::vector<std::string>& sources, WalkOptions options);
  Walker(Walker&&) noexcept;
  Walker& operator=(Walker&&) noexcept;
  ~Walker();

  /// The next step; nothing at the end. A missing source is a kError event.
  std::optional<WalkEvent> next();

 private:
  struct State;
  explicit Walker(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace obhut::scan
