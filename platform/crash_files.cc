#include "platform/crash_files.h"

#include <algorithm>
#include <vector>

#include "platform/local_files.h"

namespace obhut::platform {

Result<void> make_room_for_crash(const std::string& folder) {
  constexpr std::size_t kKept = 5;
  TRY(make_directories(folder, 0700));
  ASSIGN_OR_RETURN(std::vector<std::string> names, list_directory(folder));
  std::erase_if(names, [](const std::string& name) { return !name.starts_with("crash-"); });
  std::ranges::sort(names);  // their names begin with their time
  for (std::size_t i = 0; i + kKept < names.size() + 1; ++i) {
    static_cast<void>(remove_file(join(folder, names[i])));  // one too many is no harm
  }
  return {};
}

}  // namespace obhut::platform
