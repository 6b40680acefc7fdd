#include "agent/restore/name_query.h"

#include <algorithm>

#include "platform/fold_case.h"

namespace obhut::restore {
namespace {

std::string_view name_of(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

bool is_part_of(std::string_view whole, const std::vector<std::string>& words) {
  return std::ranges::all_of(
      words, [&](const std::string& word) { return whole.find(word) != std::string_view::npos; });
}

}  // namespace

NameQuery::NameQuery(std::string_view text) {
  const std::string folded = platform::fold_case(text);
  std::string_view rest = folded;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    const std::string_view word = rest.substr(0, end);
    if (!word.empty()) {
      (word.find('/') == std::string_view::npos ? in_name_ : in_path_).emplace_back(word);
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

NameQuery NameQuery::nothing() {
  return NameQuery(std::string_view("\0", 1));
}

bool NameQuery::may_match(std::string_view folded_names) const {
  // The words of a path may be those of a name.
  return in_name_.empty() || is_part_of(folded_names, in_name_);
}

bool NameQuery::matches(std::string_view path) const {
  if (!in_name_.empty() && !is_part_of(platform::fold_case(name_of(path)), in_name_)) return false;
  return in_path_.empty() || is_part_of("/" + platform::fold_case(path), in_path_);
}

}  // namespace obhut::restore
