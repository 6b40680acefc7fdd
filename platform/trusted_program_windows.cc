#include <algorithm>
#include <array>

#include "agent/base/text.h"
#include "platform/local_files.h"
#include "platform/trusted_program.h"
#include "platform/trusted_program_names.h"
#include "platform/windows_rights.h"

namespace obhut::platform {
namespace {

/// Whoever may write to a folder on the way may exchange what is below.
Result<void> check_way(std::string path) {
  for (;; path = parent_of(path)) {
    ASSIGN_OR_RETURN(const std::wstring native, win::native_path(path));
    // Where a folder of the way is a link, its own rights say nothing of what it leads to.
    const DWORD attributes = ::GetFileAttributesW(native.c_str());
    if (attributes == INVALID_FILE_ATTRIBUTES) return win::failure("look at", path);
    if ((attributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0) {
      return fail(ErrorKind::kRefused, printable(path) + ": want a folder, and no link to one");
    }
    TRY(win::check_closed(path, win::Against::kWriting));
    if (win::is_above_volumes(parent_of(path))) return {};
  }
}

}  // namespace

Result<std::string> trusted_program(const std::string& folder, std::string_view name,
                                    std::uint32_t /*own_user*/) {
  TRY(check_program_name(name));
  ASSIGN_OR_RETURN(const std::string absolute, absolute_path(folder));
  TRY(check_way(absolute));
  for (const std::string_view ending : {".exe", ".cmd"}) {
    const std::string path = join(absolute, name) + std::string(ending);
    if (!exists(path)) continue;
    ASSIGN_OR_RETURN(const std::wstring native, win::native_path(path));
    const DWORD attributes = ::GetFileAttributesW(native.c_str());
    if ((attributes & (FILE_ATTRIBUTE_REPARSE_POINT | FILE_ATTRIBUTE_DIRECTORY)) != 0) {
      return fail(ErrorKind::kRefused, printable(path) + ": want a file, and no link to one");
    }
    TRY(win::check_closed(path, win::Against::kWriting));
    return path;
  }
  return fail(ErrorKind::kNotFound, printable(join(absolute, name)) + ".exe or .cmd: not there");
}

Result<std::string> trusted_file(const std::string& path, std::uint32_t /*own_user*/) {
  ASSIGN_OR_RETURN(std::string absolute, absolute_path(path));
  TRY(check_way(parent_of(absolute)));
  ASSIGN_OR_RETURN(const std::wstring native, win::native_path(absolute));
  const DWORD attributes = ::GetFileAttributesW(native.c_str());
  if (attributes == INVALID_FILE_ATTRIBUTES) return win::failure("look at", absolute);
  if ((attributes & (FILE_ATTRIBUTE_REPARSE_POINT | FILE_ATTRIBUTE_DIRECTORY)) != 0) {
    return fail(ErrorKind::kRefused, printable(absolute) + ": want a file, and no link to one");
  }
  TRY(win::check_closed(absolute, win::Against::kWriting));
  return absolute;
}

}  // namespace obhut::platform
