#pragma once
// The inside of a Walker: looks at what the walk comes to next with a second thread.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "agent/base/result.h"
#include "agent/scan/name_list.h"
#include "agent/scan/walker.h"
#include "platform/filesystem.h"

namespace obhut::scan {

using SharedDirectory = std::shared_ptr<const platform::Directory>;  // of the walker and of jobs
using SharedNames = std::shared_ptr<const NameList>;  // of a level and of who looks ahead in it

/// Of a directory: what decides how far below it the walk goes, beside the WalkOptions.
struct WalkPlace {
  std::uint64_t device = 0;
  std::uint64_t source_device = 0;  ///< of the source that it belongs to
  SourceRules rules;                ///< of the same
};

/// Sorted, without those that the filter leaves out; it was not asked where the type is unknown.
struct Listing {
  SharedNames names;
  std::optional<Error> failure;  ///< `names` has what came before it
};

/// Of entries of a directory that follow each other; nothing for a directory.
struct Statuses {
  std::size_t first = 0;
  std::vector<std::optional<Result<platform::FileStatus>>> found;

  [[nodiscard]] std::size_t end() const { return first + found.size(); }
  /// Null: not looked at. Asked for once.
  [[nodiscard]] Result<platform::FileStatus>* at(std::size_t index) {
    if (index < first || index >= end() || !found[index - first]) return nullptr;
    return &*found[index - first];
  }
};

struct OpenedDirectory {
  platform::Directory folder;
  platform::FileStatus status;
  WalkNote note = WalkNote::kNone;  ///< why its content is left out
  std::optional<Listing> listing;
  Statuses statuses;  ///< of the listing's first names
};

/// Why the content of a directory in `above` is left out, if it is.
WalkNote note_for(const platform::Directory& directory, const platform::FileStatus& status,
                  const WalkPlace& above, const WalkOptions& options);

/// Opens `name`; lists nothing.
Result<OpenedDirectory> open_directory(const platform::Directory& in, std::string_view name,
                                       const WalkPlace& above, const WalkOptions& options);

/// Leaves out of sorted names what the filter does not want and `is_kept` does not name.
void drop_unwanted(NameList& names, const std::string& path, const EntryFilter* filter,
                   const std::function<bool(std::string_view)>& is_kept = {});

/// Both threads take pieces of what comes next, in the order of the walk; the walk waits only where
/// nothing is left to take. What lies ready is bounded.
/// Thread: the walk's.
class LookAhead {
 public:
  struct Amount {
    std::size_t entries = 0;
    std::size_t directories = 0;

    [[nodiscard]] bool reaches(const Amount& limit) const {
      return entries >= limit.entries || directories >= limit.directories;
    }
    [[nodiscard]] Amount half() const { return {entries / 2, directories / 2}; }
    void operator+=(const Amount& more) {
      entries += more.entries;
      directories += more.directories;
    }
    void operator-=(const Amount& less) {
      entries -= less.entries;
      directories -= less.directories;
    }
  };
  // What may lie ready: in all, and of one directory, so that what is far off leaves room for what
  // is near.
  static constexpr Amount kLimit{16384, 128};
  static constexpr Amount kLevelLimit{2048, 16};

  /// Neighbours in a directory that were looked at together.
  struct Piece {
    std::size_t begin = 0;
    std::size_t end = 0;
    bool ready = false;
    Statuses statuses;
    std::vector<std::pair<std::size_t, Result<OpenedDirectory>>> directories;  // by index

    [[nodiscard]] bool has(std::size_t index) const { return index >= begin && index < end; }
    /// Nothing: not looked at. Asked for once.
    std::optional<Result<OpenedDirectory>> directory(std::size_t index);
    [[nodiscard]] Amount amount() const;
  };

  /// `options` outlives it; its filter is asked from both threads.
  explicit LookAhead(const WalkOptions& options);
  LookAhead(const LookAhead&) = delete;
  LookAhead& operator=(const LookAhead&) = delete;
  ~LookAhead();

  /// The walk is in the directory `path`, until leave(). `folder` is not kept open for this.
  /// `alone`: the names, by index and ascending, that nobody may look at but the walk itself.
  /// The status of names before `first` is known.
  void enter(const SharedDirectory& folder, std::string path, const WalkPlace& place,
             SharedNames names, std::vector<std::size_t> alone, std::size_t first);
  void leave();

  /// Begins with `index` of that directory. Asked for each name that is in no piece before, in
  /// their order, but for those left out in enter().
  Piece take(std::size_t index, const platform::Directory& folder);

 private:
  struct Level;
  using LevelPtr = std::shared_ptr<Level>;  // of the walk, and of who is busy in it
  struct Work {
    LevelPtr level;
    SharedDirectory folder;
    Piece* piece;
  };

  void run(const std::stop_token& stop);
  std::optional<Work> next_work();
  void look(std::unique_lock<std::mutex>& lock, const Work& work);
  void look_at(const Level& level, const platform::Directory& folder, Piece& piece) const;
  [[nodiscard]] Result<OpenedDirectory> open_and_list(const Level& level,
                                                      const platform::Directory& folder,
                                                      std::string_view name) const;

  const WalkOptions& options_;
  std::mutex mutex_;
  std::condition_variable_any work_;
  std::condition_variable done_;
  bool idle_ = false;   // the other thread waits for work
  bool waits_ = false;  // the walk waits for what the other one looks at
  std::vector<LevelPtr> levels_;
  Amount ready_;
  std::jthread thread_;
};

}  // namespace obhut::scan
