#include "service/endpoint/grant_scope.h"

#include <algorithm>

#include "agent/restore/selection.h"

namespace obhut::endpoint {

GrantScope::GrantScope(const std::vector<model::RelPath>& paths, NameKey key) : key_(key) {
  for (const model::RelPath& path : paths) keys_.push_back(key_of(path.bytes()));
}

std::string GrantScope::key_of(std::string_view path) const {
  std::string whole;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view name = path.substr(0, end);
    if (!whole.empty()) whole += '/';
    whole += key_(name).value_or(std::string(name));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return whole;
}

std::optional<std::size_t> GrantScope::covering(std::string_view path) const {
  const std::string key = key_of(path);
  const auto found = std::ranges::find_if(
      keys_, [&key](const std::string& opened) { return restore::is_below(key, opened); });
  if (found == keys_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - keys_.begin());
}

bool GrantScope::is_below(std::string_view path) const {
  const std::string key = key_of(path);
  return std::ranges::any_of(keys_, [&key](const std::string& opened) {
    return opened.size() > key.size() && restore::is_below(opened, key);
  });
}

}  // namespace obhut::endpoint
