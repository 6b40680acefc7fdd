#include "tools/tray/own_folders.h"

#include <nlohmann/json.hpp>

#include "agent/base/escapes.h"
#include "agent/base/text.h"
#include "agent/model/rel_path.h"
#include "platform/desktop.h"
#include "platform/local_files.h"

namespace obhut::tray {

using nlohmann::json;

namespace {

constexpr std::size_t kMostFolders = 5000;

/// What the page calls a folder, as this machine calls it. Names come as printable() wrote them.
Answer<std::string> path_of(const std::string& shown) {
  if (!shown.starts_with('/')) {
    return std::unexpected(Refusal(400, "invalid-input", "folder: want an absolute path"));
  }
  const std::optional<std::string> bytes = from_printable(shown);
  if (!bytes) return std::unexpected(Refusal(400, "invalid-input", "folder: malformed escape"));
  ASSIGN_OR_RETURN(const model::RelPath path, model::RelPath::parse_typed(*bytes));
  return "/" + path.bytes();
}

}  // namespace

Answer<json> own_folders(const std::string& shown) {
  ASSIGN_OR_RETURN(const std::string path, path_of(shown));
  ASSIGN_OR_RETURN(const std::vector<std::string> names, platform::list_directory(path));
  json folders = json::array();
  for (const std::string& name : names) {
    if (name.starts_with('.') || folders.size() >= kMostFolders) continue;
    const std::string own = platform::join(path == "/" ? "" : path, name);
    const auto status = platform::status_of_path(own);
    if (!status || status->type != platform::FileType::kDirectory) continue;
    folders.push_back({{"name", printable(name)},
                       {"path", printable(own)},
                       {"writable", platform::may_write_in(own)}});
  }
  return json{{"path", printable(path)},
              {"parent", path == "/" ? json(nullptr) : json(printable(platform::parent_of(path)))},
              {"writable", platform::may_write_in(path)},
              {"folders", std::move(folders)}};
}

Answer<json> make_own_folder(const std::string& shown) {
  ASSIGN_OR_RETURN(const std::string path, path_of(shown));
  const std::string parent = platform::parent_of(path);
  const auto status = platform::status_of_path(parent);
  if (!status || status->type != platform::FileType::kDirectory) {
    return std::unexpected(Refusal(404, "not-found", printable(parent) + ": is no folder"));
  }
  TRY(platform::make_directories(path));
  return json{{"path", printable(path)}};
}

}  // namespace obhut::tray
