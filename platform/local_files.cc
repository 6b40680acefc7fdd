#include "platform/local_files.h"

#include <algorithm>

#include <boost/filesystem.hpp>

#include "agent/base/text.h"
#include "platform/os_error.h"

namespace obhut::platform {

namespace fs = boost::filesystem;

std::string join(std::string_view folder, std::string_view name) {
  std::string path(folder);
  while (name.starts_with('/')) name.remove_prefix(1);
  if (name.empty()) return path;
  if (!path.empty() && !path.ends_with('/')) path += '/';
  return path.append(name);
}

std::string parent_of(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  while (slash > 0 && path[slash - 1] == '/') --slash;
  return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

std::string file_name_of(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos || path.size() == 1) return std::string(path);
  return std::string(path.substr(slash + 1));
}

bool is_absolute(std::string_view path) {
  return fs::path(std::string(path)).is_absolute();
}

Result<std::string> absolute_path(std::string_view path) {
  if (path.empty()) return fail(ErrorKind::kInvalidInput, "the empty path names nothing");
  boost::system::error_code code;
  const fs::path here = fs::current_path(code);
  if (code) return std::unexpected(os_error(code.value(), Whose::kOurs, "find the way to", path));
  std::string text = fs::absolute(fs::path(std::string(path)), here).lexically_normal().string();
  // "/a/." and "/a/" become "/a/." in Boost 1.74.
  if (text.ends_with("/.")) text.pop_back();
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  while (text == "/.." || text.starts_with("/../")) text.erase(0, 3);  // above the root is the root
  return text.empty() ? "/" : text;
}

Result<std::vector<std::string>> list_directory(const std::string& path) {
  boost::system::error_code code;
  std::vector<std::string> names;
  fs::directory_iterator at(path, code);
  while (!code && at != fs::directory_iterator()) {
    names.push_back(at->path().filename().string());
    at.increment(code);
  }
  if (code) return std::unexpected(os_error(code.value(), Whose::kOurs, "list", path));
  std::ranges::sort(names);
  return names;
}

Result<void> remove_tree(const std::string& path) {
  boost::system::error_code code;
  fs::remove_all(path, code);
  if (code && code != boost::system::errc::no_such_file_or_directory) {
    return std::unexpected(os_error(code.value(), Whose::kOurs, "remove", path));
  }
  return {};
}

Result<void> remove_file(const std::string& path) {
  boost::system::error_code code;
  fs::remove(path, code);
  if (code && code != boost::system::errc::no_such_file_or_directory) {
    return std::unexpected(os_error(code.value(), Whose::kOurs, "remove", path));
  }
  return {};
}

Result<void> LocalFile::require(ByteRange range) const {
  ASSIGN_OR_RETURN(const std::uint64_t length, size());
  if (range.offset <= length && range.length <= length - range.offset) return {};
  return fail(ErrorKind::kCorrupt, "read " + printable(path_) + ": ends at byte " +
                                       std::to_string(length) + ", before what is asked for");
}

Result<Bytes> LocalFile::read_range(ByteRange range) const {
  TRY(require(range));
  Bytes bytes(range.length);
  ASSIGN_OR_RETURN(const std::size_t got, read_at(range.offset, bytes));
  if (got != bytes.size()) {
    return fail(ErrorKind::kCorrupt, "read " + printable(path_) + ": was cut while it was read");
  }
  return bytes;
}

}  // namespace obhut::platform
