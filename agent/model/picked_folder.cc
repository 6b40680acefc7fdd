#include "agent/model/picked_folder.h"

#include <vector>

#include "agent/model/rel_path.h"

namespace obhut::model {

std::string folder_of(std::span<const std::string> paths) {
  std::vector<RelPath> parsed;
  parsed.reserve(paths.size());
  for (const std::string& path : paths) {
    parsed.push_back(RelPath::parse_typed(path).value_or(RelPath()));
  }
  return common_folder(parsed).bytes();
}

}  // namespace obhut::model
