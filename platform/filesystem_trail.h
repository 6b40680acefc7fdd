#pragma once
// Part of filesystem.

#include <memory>
#include <string>

#include "platform/filesystem.h"

namespace obhut::platform {

/// Names from here up to the path that was opened, so that a deep tree does not hold one long path
/// for each of its open directories.
struct Directory::Trail {
  Trail(std::shared_ptr<const Trail> above, std::string own)
      : parent(std::move(above)), name(std::move(own)) {}
  Trail(const Trail&) = delete;
  Trail& operator=(const Trail&) = delete;
  ~Trail() {
    // One by one: thousands of nested destructors would need as much stack. The one above is held
    // while ours goes, so that its end does not begin inside ours.
    while (parent && parent.use_count() == 1) {
      std::shared_ptr<const Trail> above = parent->parent;
      parent = std::move(above);
    }
  }
  std::shared_ptr<const Trail> parent;  // shared with siblings of what this names
  std::string name;
};

}  // namespace obhut::platform
