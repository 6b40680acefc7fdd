#pragma once
// What a volume itself records of changes (the USN journal of NTFS).

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_set>

#include "platform/handle.h"

namespace obhut::platform {

/// A place in the record of one volume.
struct JournalPosition {
  std::uint64_t device = 0;   ///< of the volume, as FileStatus has it
  std::uint64_t journal = 0;  ///< another number: what was recorded before is gone
  std::int64_t next = 0;      ///< of the record that comes next
  friend bool operator==(const JournalPosition&, const JournalPosition&) = default;
};

/// A hint, never to be trusted alone: it may speak of a change that nothing else tells (a program
/// that sets the times back); that it is silent says nothing.
class ChangeJournal {
 public:
  virtual ~ChangeJournal() = default;

  /// Where the record of the volume on which the open `directory` lies ends by now. Nothing where
  /// there is none, or it is not ours to read.
  virtual std::optional<JournalPosition> end_of(const Handle& directory) = 0;
  /// Inodes of which something was written since `from`, which end_of() told of this volume.
  /// Nothing where the record does not reach back so far, or names more than `most`.
  virtual std::optional<std::unordered_set<std::uint64_t>> written_since(
      const Handle& directory, const JournalPosition& from, std::size_t most) = 0;
};

/// Null where the system keeps no such record.
std::unique_ptr<ChangeJournal> change_journal();

}  // namespace obhut::platform
