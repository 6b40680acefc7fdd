#pragma once
// The inside of a Walker: walker.cc walks, walk_borders.cc changes between what is read live and
// what is read from snapshots. For nobody else.

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/scan/look_ahead.h"
#include "agent/scan/name_list.h"
#include "agent/scan/source_tree.h"
#include "agent/scan/walker.h"

namespace obhut::scan {

/// How much of a directory is walked.
enum class Extent : std::uint8_t {
  kWhole,
  kSourcesOnly,  ///< what leads to a source that lies deeper
};

/// A directory that is open, or will be opened again.
struct WalkLevel {
  SharedDirectory folder;  ///< null while too many others are open
  platform::FileStatus status;
  SharedNames names;                     ///< null until listed
  std::optional<Error> listing_failure;  ///< not told yet
  Statuses statuses;                     ///< of the first names, where listed ahead
  LookAhead::Piece piece;                ///< with the name that was asked for last
  bool looks_ahead = false;
  std::size_t next = 0;
  std::size_t path_length = 0;          ///< of this directory's own path
  const SourceNode* sources = nullptr;  ///< null where no source lies deeper
  Extent extent = Extent::kWhole;
  WalkNote note = WalkNote::kNone;
  bool ancestor_only = false;
  bool listed = false;
  bool lost = false;  ///< could not be opened again
  /// Of the snapshot that it lies in; null where it is read itself. Borrowed from the views.
  const platform::SnapshotView* view = nullptr;
  std::size_t view_length = 0;  ///< of the path that the view stands for
  /// Names in it on which something is mounted; null where it is read itself. Borrowed likewise.
  const std::vector<std::string>* mounts = nullptr;
  std::size_t source_length = 0;    ///< of the path of the source that it belongs to
  std::uint64_t source_device = 0;  ///< of the same
  SourceRules rules;                ///< of the same

  [[nodiscard]] WalkPlace place() const { return {status.device, source_device, rules}; }
};

struct Walker::State {
  using Directory = platform::Directory;
  using FileStatus = platform::FileStatus;
  using FileType = platform::FileType;
  using Level = WalkLevel;

  std::unique_ptr<SourceNode> sources;
  WalkOptions options;
  // A deque, since the names of a level are looked at while the next one is put on top.
  std::deque<Level> levels;
  SharedDirectory last_left;  // the way up to a level that was closed meanwhile
  const platform::SnapshotView* last_left_view = nullptr;
  std::string path;
  std::optional<Error> pending;  // about `path`, to be told before anything else
  bool started = false;
  std::unique_ptr<LookAhead> look_ahead;  // null: the walk is alone

  std::optional<WalkEvent> next();
  WalkEvent start();
  std::optional<WalkEvent> list(Level& level);
  WalkEvent leave();
  std::optional<WalkEvent> visit(std::size_t index);
  WalkEvent visit_entry(std::string_view name, const FileStatus& status, const SourceNode* node,
                        const SharedDirectory& folder);
  std::optional<WalkEvent> visit_directory(std::string_view name, const SourceNode* node,
                                           std::optional<Result<OpenedDirectory>> ahead);
  WalkEvent visit_way_to(const SourceNode& node);
  std::optional<WalkEvent> visit_border(std::string_view name, const SourceNode* node);
  WalkEvent visit_border_file(SharedDirectory folder, std::string_view name, FileStatus status,
                              const SourceNode* node);
  WalkEvent visit_border_directory(Directory live, const FileStatus& status,
                                   const SourceNode* node);
  [[nodiscard]] bool is_border(std::string_view name, bool is_source) const;
  [[nodiscard]] Result<Directory> open_live(const Level& level) const;
  WalkEvent enter(Directory directory, Level level);
  void look_ahead_in(Level& level);
  [[nodiscard]] Level level_for(const FileStatus& status, const SourceNode* node,
                                Extent extent) const;
  std::optional<WalkEvent> reopen(Level& level);
  [[nodiscard]] Result<Directory> open_again(const Level& level) const;

  [[nodiscard]] WalkEvent event(WalkKind kind) const;
  [[nodiscard]] WalkEvent directory_event(WalkKind kind, const Level& level) const;
  [[nodiscard]] WalkEvent error(Error failure) const;
  [[nodiscard]] WalkEvent stopped(Error failure) const;
  [[nodiscard]] WalkEvent source_error(Error failure, const SourceNode* node) const;
  [[nodiscard]] SourceRules rules_here() const {
    return options.filter == nullptr ? options.rules
                                     : options.filter->rules_of(path).value_or(options.rules);
  }
  [[nodiscard]] bool is_wanted(bool is_directory) const {
    return options.filter == nullptr || options.filter->wants(path, is_directory);
  }
};

}  // namespace obhut::scan
