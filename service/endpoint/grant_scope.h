#pragma once
// Which paths of a recovery point a restore grant opens.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model/rel_path.h"
#include "platform/tree_writer.h"

namespace obhut::endpoint {

/// Compares whole names, as this system tells names apart: "home/a" opens nothing of "home/ab", and
/// on Windows it opens "Home/A".
class GrantScope {
 public:
  using NameKey = std::optional<std::string> (*)(std::string_view name);

  explicit GrantScope(const std::vector<model::RelPath>& paths, NameKey key = platform::name_key);

  /// Of the paths the first that `path` is or lies below, by its number.
  [[nodiscard]] std::optional<std::size_t> covering(std::string_view path) const;
  [[nodiscard]] bool covers(std::string_view path) const { return covering(path).has_value(); }
  /// True where one of the paths lies below `path`.
  [[nodiscard]] bool is_below(std::string_view path) const;

 private:
  [[nodiscard]] std::string key_of(std::string_view path) const;
  NameKey key_;
  std::vector<std::string> keys_;
};

}  // namespace obhut::endpoint
