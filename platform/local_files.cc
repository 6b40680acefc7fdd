#include "platform/local_files.h"

#include "agent/base/text.h"

namespace obhut::platform {

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
