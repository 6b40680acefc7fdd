#pragma once
// What the walk tells the tree builder, in the walk's order.

#include <memory>
#include <string>

#include "agent/model/entry.h"
#include "agent/pipeline/file_work.h"
#include "agent/pipeline/previous_tree.h"

namespace obhut::pipeline {

struct TreeEvent {
  enum class Kind : std::uint8_t { kEnter, kEntry, kLeave };
  Kind kind = Kind::kEntry;
  /// kEnter: the directory's own metadata. kEntry: complete, unless `work` is set.
  model::Entry entry;
  /// kEntry: the content is awaited; the entry's name is `name`, which for a hard link is another
  /// than the work's.
  FileWorkPtr work;
  std::string name;
  /// kEntry: the stored part that holds just this entry. kEnter: the part of the parent that holds
  /// `before`.
  PartOriginPtr same_as;
  /// kEnter: the directory as the point before has it.
  std::unique_ptr<model::Entry> before;
  /// kLeave: something in the directory could not be read.
  bool incomplete = false;
};

}  // namespace obhut::pipeline
