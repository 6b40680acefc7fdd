#pragma once
// Which part of a point is wanted.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model/rel_path.h"

namespace obhut::restore {

/// In: raw path relative to the root of the point. True where the entry itself is wanted.
using PathPredicate = std::function<bool(std::string_view path, bool is_directory)>;

struct Selection {
  std::vector<model::RelPath> paths;  ///< these and what is below them; empty: everything
  PathPredicate pattern;              ///< of those the ones that match; empty: all

  /// True where `path` is one of the paths or below one of them.
  [[nodiscard]] bool covers(std::string_view path) const;
  /// True where something below the directory `path` may be covered.
  [[nodiscard]] bool leads_to(std::string_view path) const;
  /// True where `path` was asked for by name, or leads to what was.
  [[nodiscard]] bool names(std::string_view path) const;
  [[nodiscard]] bool wants(std::string_view path, bool is_directory) const {
    return covers(path) && (!pattern || pattern(path, is_directory));
  }
};

/// True for `ancestor` itself and what lies below it; the empty path is above everything.
bool is_below(std::string_view path, std::string_view ancestor);

}  // namespace obhut::restore
