#pragma once
// What volumes themselves recorded of changes since the point before, beside what files tell.

#include <map>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "platform/change_journal.h"
#include "platform/file_status.h"

namespace obhut::pipeline {

/// Only ever makes more be read: a file counts as unchanged where its status says so and no record
/// says otherwise. Where a record is missing, was lost or does not reach back, the status decides
/// alone, as it does everywhere else.
/// Thread: one until begin() is done, then any for written().
class ChangeHints {
 public:
  static constexpr std::size_t kMost =
      1'000'000;  ///< inodes of one volume; of more nothing is said

  /// `journal` may be null. `folder`: of the vault's caches, where the places are kept; "":
  /// nowhere.
  ChangeHints(std::unique_ptr<platform::ChangeJournal> journal, std::string folder);

  /// Before anything of `sources` is looked at. `before`: the newest point; what is kept of another
  /// one (of a run on another machine, or before caches were lost) is of no use.
  void begin(const std::vector<std::string>& sources, const Sha256& before);
  /// True where the file was written since the run of that point began.
  [[nodiscard]] bool written(const platform::FileIdentity& file) const;
  /// What the run that ends with `point` leaves to the next one. Errors: those of writing a file.
  Result<void> keep(const Sha256& point) const;

 private:
  std::unique_ptr<platform::ChangeJournal> journal_;
  std::string folder_;
  std::vector<platform::JournalPosition> ends_;                         // one of each volume
  std::map<std::uint64_t, std::unordered_set<std::uint64_t>> written_;  // inodes by device
};

}  // namespace obhut::pipeline
