#include "platform/backup_exclusions.h"

#include <algorithm>

namespace obhut::platform {
namespace {

constexpr std::string_view kAnyDrive = "/?";

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// `start` in lower case.
bool starts_with(std::string_view text, std::string_view start) {
  return text.size() >= start.size() &&
         std::ranges::equal(text.substr(0, start.size()), start, {}, lower);
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

/// Only '*' and '?' mean something there.
std::string as_pattern(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    if (c == '[' || c == ']') pattern += '\\';
    pattern += c == '\\' ? '/' : c;
  }
  return pattern;
}

/// Where the line begins, which is cut off it: "" where it names no place.
std::string take_start(std::string_view& line, std::string_view profiles) {
  constexpr std::string_view kAllVolumes = "$allvolumes$";
  constexpr std::string_view kUserProfile = "$userprofile$";
  if (starts_with(line, kAllVolumes)) {
    line.remove_prefix(kAllVolumes.size());
    return std::string(kAnyDrive);
  }
  if (starts_with(line, kUserProfile)) {
    line.remove_prefix(kUserProfile.size());
    return as_pattern(profiles) + "/*";
  }
  const char first = line.empty() ? '\0' : lower(line.front());
  if (line.size() > 2 && line[1] == ':' && first >= 'a' && first <= 'z') {
    std::string drive = std::string("/") + line.front();
    line.remove_prefix(2);
    return drive;
  }
  return line.starts_with("\\\\") ? std::string() : std::string(kAnyDrive);
}

}  // namespace

void add_exclusion(std::string_view line, std::string_view profiles, BackupExclusions& to) {
  line = trimmed(line);
  bool below = false;
  if (line.size() > 3 && starts_with(line.substr(line.size() - 3), " /s")) {
    below = true;
    line = trimmed(line.substr(0, line.size() - 3));
  }
  const std::string start = take_start(line, profiles);
  const bool unknown = line.find_first_of("%/") != std::string_view::npos ||
                       line.find("..\\") != std::string_view::npos;
  if (start.empty() || !line.starts_with('\\') || line.ends_with('\\') || unknown) return;
  const std::size_t slash = line.rfind('\\');
  const std::string folder = start + as_pattern(line.substr(0, slash));
  std::string name = as_pattern(line.substr(slash + 1));
  if (name == "*.*") name = "*";
  // A whole drive is no exception to what is to be stored, but a slip.
  if (name == "*" && slash == 0) return;
  if (name == "*" && below) {
    to.whole.push_back(folder + "/**");
  } else {
    to.files.push_back(folder + (below ? "/**/" : "/") + name);
  }
}

}  // namespace obhut::platform
