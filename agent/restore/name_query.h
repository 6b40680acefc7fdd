#pragma once
// What a person types who looks for a name.

#include <string>
#include <string_view>
#include <vector>

namespace obhut::restore {

/// All of its words must be in the name, in any order and case; a word with a '/' in it must be in
/// the path.
class NameQuery {
 public:
  explicit NameQuery(std::string_view text);
  /// Matches no name, and looks at every one: to get to know them.
  static NameQuery nothing();

  [[nodiscard]] bool empty() const { return in_name_.empty() && in_path_.empty(); }
  [[nodiscard]] bool matches(std::string_view path) const;
  /// False where none of the names can match. In: they folded, with a '/' between each two.
  [[nodiscard]] bool may_match(std::string_view folded_names) const;

 private:
  std::vector<std::string> in_name_;  // folded
  std::vector<std::string> in_path_;
};

}  // namespace obhut::restore
