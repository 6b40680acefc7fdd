#pragma once
// What the walk tells the tree builder, in the walk's order.

#include <memory>
#include <string>
#include <vector>

#include "agent/model/entry.h"
#include "agent/pipeline/file_work.h"
#include "agent/pipeline/previous_tree.h"

namespace obhut::pipeline {

struct TreeEvent {
  enum class Kind : std::uint8_t { kEnter, kEntry, kPart, kLeave };
  Kind kind = Kind::kEntry;
  /// kEnter: the directory's own metadata. kEntry: complete, unless `work` is set.
  model::Entry entry;
  /// kEntry: the content is awaited; the entry's name is `name`, which for a hard link is another
  /// than the work's.
  FileWorkPtr work;
  std::string name;
  /// kEntry: the stored part that holds just this entry. kEnter: the part of the parent that holds
  /// `before`. kPart: the stored part that is all of this; nothing but such parts came before it
  /// in its directory.
  PartOriginPtr same_as;
  /// kEnter: the directory as the point before has it.
  std::unique_ptr<model::Entry> before;
  model::Totals totals;  ///< kPart: of its entries
  /// kLeave: something in the directory could not be read.
  bool incomplete = false;
};

/// Events travel in batches: to wake a thread costs more than to handle one.
using TreeEvents = std::vector<TreeEvent>;
inline constexpr std::size_t kEventBatch = 64;

}  // namespace obhut::pipeline
