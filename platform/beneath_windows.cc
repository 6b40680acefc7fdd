#include "agent/base/text.h"
#include "platform/beneath.h"
#include "platform/win.h"

namespace obhut::platform::beneath_half {
namespace {

std::unexpected<Error> no_directory(std::string_view path) {
  return fail(ErrorKind::kConflict, "open " + printable(path) +
                                        ": a link or file stands where the restore needs a "
                                        "directory");
}

}  // namespace

// A lookup in one call follows junctions on its way.
std::optional<Result<Handle>> open_at_once(const Handle& /*from*/, std::string_view /*rest*/,
                                           std::string_view /*path*/) {
  return std::nullopt;
}

Result<Handle> open_one(const Handle& from, std::string_view name, std::string_view path) {
  const std::optional<std::wstring> wide = win::entry_name(name);
  if (!wide) {
    return fail(ErrorKind::kInvalidInput,
                "restore path " + printable(path) + ": Windows takes no such name");
  }
  Handle opened;
  if (from.valid()) {
    opened = win::open_at(
        win::native_of(from), *wide,
        {.access = FILE_TRAVERSE | FILE_READ_ATTRIBUTES, .options = FILE_DIRECTORY_FILE});
  } else {
    // Below the root of all drives. Where a drive is, the system says, which may well call its root
    // a mount point.
    ASSIGN_OR_RETURN(const std::wstring drive, win::native_path("/" + std::string(name)));
    opened = win::open_at(nullptr, L"\\??\\" + drive.substr(4),
                          {.access = FILE_TRAVERSE | FILE_READ_ATTRIBUTES,
                           .options = FILE_DIRECTORY_FILE,
                           .follow = true});
  }
  if (!opened.valid()) {
    const DWORD code = ::GetLastError();
    if (code == ERROR_DIRECTORY) return no_directory(path);
    return win::failure_of(code, "open", path);
  }
  if (win::names_another_place(win::reparse_tag_of(win::native_of(opened)))) {
    return no_directory(path);
  }
  return opened;
}

}  // namespace obhut::platform::beneath_half
