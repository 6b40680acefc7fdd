#include "agent/restore/selection.h"

#include <algorithm>

namespace obhut::restore {

bool is_below(std::string_view path, std::string_view ancestor) {
  if (ancestor.empty()) return true;
  return path.starts_with(ancestor) &&
         (path.size() == ancestor.size() || path[ancestor.size()] == '/');
}

bool Selection::covers(std::string_view path) const {
  if (paths.empty()) return true;
  return std::ranges::any_of(
      paths, [&](const model::RelPath& wanted) { return is_below(path, wanted.bytes()); });
}

bool Selection::leads_to(std::string_view path) const {
  if (paths.empty()) return true;
  return std::ranges::any_of(paths, [&](const model::RelPath& wanted) {
    return is_below(path, wanted.bytes()) || is_below(wanted.bytes(), path);
  });
}

bool Selection::names(std::string_view path) const {
  return std::ranges::any_of(
      paths, [&](const model::RelPath& wanted) { return is_below(wanted.bytes(), path); });
}

}  // namespace obhut::restore
