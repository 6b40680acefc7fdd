#include "tools/tray/page_files.h"

#include <array>

#include "platform/atomic_file.h"
#include "platform/local_files.h"

namespace obhut::tray {
namespace {

constexpr std::size_t kMostFile = 8U << 20U;

/// "" for what is no part of a page.
std::string type_of(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, const char*>, 7> kTypes{{
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".woff2", "font/woff2"},
      {".ico", "image/x-icon"},
  }};
  for (const auto& [ending, type] : kTypes) {
    if (name.ends_with(ending)) return type;
  }
  return "";
}

}  // namespace

Result<PageFiles> PageFiles::read(const std::string& folder) {
  PageFiles page;
  std::vector<std::string> open{""};
  while (!open.empty()) {
    const std::string at = open.back();
    open.pop_back();
    ASSIGN_OR_RETURN(const std::vector<std::string> names, platform::list_directory(folder + at));
    for (const std::string& name : names) {
      std::string path = at;
      path += '/';
      path += name;
      ASSIGN_OR_RETURN(const platform::FileStatus status, platform::status_of_path(folder + path));
      if (status.type == platform::FileType::kDirectory) open.push_back(path);
      const std::string type = type_of(name);
      if (status.type != platform::FileType::kRegular || type.empty()) continue;
      ASSIGN_OR_RETURN(const Bytes content, platform::read_file(folder + path, kMostFile));
      // All but the first have a hash of what they hold in their names.
      page.files_[path] = {200, type, std::string(as_text(content)), path != "/index.html"};
    }
  }
  if (!page.files_.contains("/index.html")) {
    return fail(ErrorKind::kNotFound, folder + ": holds no index.html");
  }
  return page;
}

Response PageFiles::get(const std::string& path) const {
  const auto at = files_.find(path == "/" ? "/index.html" : path);
  return at == files_.end() ? Response{404, "text/plain", "", false} : at->second;
}

}  // namespace obhut::tray
