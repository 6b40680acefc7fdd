#include "agent/model/rel_path.h"

#include <algorithm>

#include "agent/base/text.h"

namespace obhut::model {
namespace {

std::string refused(std::string_view text) {
  constexpr std::size_t kShown = 200;
  return "path " + obhut::printable(text.substr(0, kShown));
}

}  // namespace

bool is_entry_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameSize && name != "." && name != ".." &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

Result<RelPath> RelPath::parse(std::string_view text) {
  if (text.size() > kMaxPathSize) return fail(ErrorKind::kInvalidInput, "path: too long");
  if (text.empty()) return RelPath();
  std::size_t begin = 0;
  while (true) {
    const std::size_t slash = std::min(text.find('/', begin), text.size());
    if (!is_entry_name(text.substr(begin, slash - begin))) {
      return fail(ErrorKind::kInvalidInput, refused(text) + ": holds a name that no entry has");
    }
    if (slash == text.size()) return RelPath(std::string(text));
    begin = slash + 1;
  }
}

Result<RelPath> RelPath::parse_typed(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  for (const char c : text) {
    if (c == '/' && (clean.empty() || clean.back() == '/')) continue;
    clean.push_back(c);
  }
  if (!clean.empty() && clean.back() == '/') clean.pop_back();
  return parse(clean);
}

Result<RelPath> RelPath::child(std::string_view name) const {
  if (!is_entry_name(name)) {
    return fail(ErrorKind::kInvalidInput, refused(name) + ": no entry has this name");
  }
  if (text_.size() + 1 + name.size() > kMaxPathSize) {
    return fail(ErrorKind::kInvalidInput, refused(text_) + ": too long");
  }
  if (text_.empty()) return RelPath(std::string(name));
  std::string joined;
  joined.reserve(text_.size() + 1 + name.size());
  joined.append(text_).append(1, '/').append(name);
  return RelPath(std::move(joined));
}

std::string RelPath::printable() const {
  return obhut::printable(text_);
}

std::vector<std::string_view> RelPath::names() const {
  std::vector<std::string_view> names;
  std::string_view rest = text_;
  while (!rest.empty()) {
    const std::size_t slash = rest.find('/');
    names.push_back(rest.substr(0, slash));
    rest = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
  }
  return names;
}

std::string_view RelPath::last_name() const {
  const std::size_t slash = text_.rfind('/');
  return slash == std::string::npos ? std::string_view(text_)
                                    : std::string_view(text_).substr(slash + 1);
}

RelPath RelPath::parent() const {
  const std::size_t slash = text_.rfind('/');
  return slash == std::string::npos ? RelPath() : RelPath(text_.substr(0, slash));
}

bool RelPath::is_within(const RelPath& ancestor) const {
  if (ancestor.is_root()) return true;
  return text_.starts_with(ancestor.text_) &&
         (text_.size() == ancestor.text_.size() || text_[ancestor.text_.size()] == '/');
}

RelPath common_folder(std::span<const RelPath> paths) {
  if (paths.empty()) return {};
  RelPath folder = paths.front().parent();
  for (const RelPath& path : paths) {
    while (!path.parent().is_within(folder)) folder = folder.parent();
  }
  return folder;
}

std::strong_ordering operator<=>(const RelPath& a, const RelPath& b) {
  // A '/' sorts before every byte of a name, NUL being none: "a", "a/x", "a-b".
  const auto rank = [](char c) {
    return c == '/' ? 0U : static_cast<unsigned>(static_cast<unsigned char>(c));
  };
  const std::size_t common = std::min(a.text_.size(), b.text_.size());
  for (std::size_t i = 0; i < common; ++i) {
    if (a.text_[i] != b.text_[i]) return rank(a.text_[i]) <=> rank(b.text_[i]);
  }
  return a.text_.size() <=> b.text_.size();
}

}  // namespace obhut::model
