#include "platform/restore_names.h"

#include <functional>

#include "agent/base/text.h"

namespace obhut::platform {

Result<void> check_relative(std::string_view path) {
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorKind::kInvalidInput,
                "restore path " + printable(path.substr(0, 200)) + ": " + std::string(why));
  };
  if (path.find('\0') != std::string_view::npos) return refuse("contains a zero byte");
  if (path.starts_with('/')) return refuse("is absolute");
  std::string_view rest = path;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view name = rest.substr(0, end);
    if (name.empty() || end + 1 == rest.size()) return refuse("has an empty component");
    if (name == "." || name == "..") return refuse("has a component . or ..");
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return {};
}

std::pair<std::string_view, std::string_view> split_last(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {{}, path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

std::string join_relative(std::string_view folder, std::string_view name) {
  return folder.empty() ? std::string(name) : std::string(folder) + "/" + std::string(name);
}

std::string other_name(std::string_view name, unsigned number) {
  constexpr std::size_t kLongest = 255;
  constexpr std::size_t kLongestExtension = 16;
  std::string_view extension;
  const std::size_t dot = name.rfind('.');
  if (dot != std::string_view::npos && dot > 0 && name.size() - dot <= kLongestExtension) {
    extension = name.substr(dot);
    name.remove_suffix(extension.size());
  }
  std::string mark = number == 1 ? " (restored)" : " (restored " + std::to_string(number) + ")";
  mark += extension;
  std::size_t keep = std::min(name.size(), kLongest - mark.size());
  while (keep > 0 && keep < name.size() &&
         (static_cast<unsigned char>(name[keep]) & 0xC0U) == 0x80) {
    --keep;
  }
  return std::string(name.substr(0, keep)) + mark;
}

void RestoredDirectories::moved(std::string_view wanted, std::string given) {
  moved_.with([&](auto& map) { map[std::string(wanted)] = std::move(given); });
  any_moved_ = true;
}

std::string RestoredDirectories::actual_path(std::string_view path) const {
  if (!any_moved_) return std::string(path);
  return moved_.with([&](const auto& given) {
    // The longest directory wanted that is `path` or above it.
    for (std::string_view at = path; !at.empty(); at = split_last(at).first) {
      const auto found = given.find(at);
      if (found != given.end()) return found->second + std::string(path.substr(at.size()));
    }
    return std::string(path);
  });
}

void RestoredDirectories::keep(std::string_view path) {
  kept_.with([&](auto& kept) { kept.insert(std::hash<std::string_view>{}(path)); });
}

bool RestoredDirectories::is_kept(std::string_view path) const {
  return kept_.with(
      [&](const auto& kept) { return kept.contains(std::hash<std::string_view>{}(path)); });
}

}  // namespace obhut::platform
