#pragma once
// What the Windows halves share. Not for anybody else.
//
// Inside, a path is WTF-8 with '/' between its components, and all drives and servers hang from one
// root, as on other systems: "/C/Users/x", "/UNC/server/share/x". What a person types
// ("C:\Users\x",
// "\\server\share\x", also with '/') is taken too. To the system a path goes as UTF-16 with the
// prefix that lifts the limit of 260 and the rules of old (names like "nul", dots at the end):
// "\\?\C:\Users\x", "\\?\UNC\server\share\x".

#include <optional>
#include <string>
#include <string_view>

// The others need what the first declares.
// clang-format off
#include <windows.h>
#include <aclapi.h>
#include <bcrypt.h>
#include <dbghelp.h>
#include <dpapi.h>
#include <knownfolders.h>
#include <msi.h>
#include <msiquery.h>
#include <netlistmgr.h>
#include <objbase.h>
#include <oleauto.h>
#include <psapi.h>
#include <sddl.h>
#include <shellapi.h>
#include <shlobj.h>
#include <winhttp.h>
#include <winioctl.h>
#include <winsvc.h>
#include <winternl.h>
// clang-format on

#include "agent/base/result.h"
#include "platform/file_status.h"
#include "platform/handle.h"
#include "platform/os_error.h"

namespace obhut::platform::win {

inline HANDLE native_of(const Handle& handle) {
  return reinterpret_cast<HANDLE>(handle.native());
}
/// Invalid for nullptr and INVALID_HANDLE_VALUE, the two answers of failed calls.
inline Handle handle_of(HANDLE native) {
  return native == nullptr ? Handle() : Handle(reinterpret_cast<std::intptr_t>(native));
}

/// See utf16.h.
std::optional<std::wstring> to_wide(std::string_view text);
std::string to_wtf8(std::wstring_view wide);

/// As the system takes it. A relative path is put behind the current directory.
/// Errors: kInvalidInput for the empty path, a NUL, what is not WTF-8.
Result<std::wstring> native_path(std::string_view path);
/// The inner form of what the system tells.
std::string inner_path(std::wstring_view native);
/// Asked of the system, since the environment is the caller's to choose; `usual` where it is
/// silent.
std::string known_folder(const KNOWNFOLDERID& which, std::string_view usual);
/// True for "/", "/UNC" and "/UNC/server": above all drives and shares, where the system has
/// nothing.
bool is_above_volumes(std::string_view path);
/// True for "/srv/data": absolute, of another system.
bool is_without_drive(std::string_view path);

/// GetLastError() as it is now. `code` of NTSTATUS answers: RtlNtStatusToDosError.
std::unexpected<Error> failure(std::string_view action, std::string_view path,
                               Whose whose = Whose::kOurs);
std::unexpected<Error> failure_of(DWORD code, std::string_view action, std::string_view path,
                                  Whose whose = Whose::kOurs);

/// Between FILETIME (100 ns since 1601) and nanoseconds since 1970. Cut to what each holds.
std::int64_t unix_ns_of(const FILETIME& time);
std::int64_t unix_ns_of(const LARGE_INTEGER& time);
LARGE_INTEGER file_time_of(std::int64_t unix_ns);

/// One name as it may stand in a directory; nothing for what would lead elsewhere (separators, the
/// ':' before a stream, "..") or what no file system here takes.
std::optional<std::wstring> entry_name(std::string_view name);

/// How an entry is opened.
struct OpenHow {
  ACCESS_MASK access = FILE_READ_ATTRIBUTES;
  ULONG share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
  ULONG disposition = FILE_OPEN;
  /// Besides those for backup and for a link itself, which always hold.
  ULONG options = 0;
  bool follow = false;
  ULONG attributes = FILE_ATTRIBUTE_NORMAL;
};
/// The entry `name` in the open `folder`; L"" opens the folder itself anew. Invalid with
/// GetLastError() set.
Handle open_at(HANDLE folder, std::wstring_view name, const OpenHow& how);
/// The code that goes with an NTSTATUS, set as GetLastError() too.
DWORD set_last_error_of(NTSTATUS status);

/// True where the last call failed since a file goes as soon as somebody closes it: the system
/// calls that "access denied".
bool was_delete_pending();

/// Gives the entry behind `file` another name in `folder`. False with GetLastError() set:
/// ERROR_ALREADY_EXISTS where the name is taken and `replace` is not set.
bool rename_at(HANDLE file, HANDLE folder, std::wstring_view name, bool replace);
/// The same in one step while others read what is replaced: Windows 10 1709 and later. `path` as
/// native_path() gives it.
bool replace_beside_readers(HANDLE file, const std::wstring& path);
/// One more name for the file; as above.
bool link_at(HANDLE file, HANDLE folder, std::wstring_view name);
/// Removes what is open with DELETE once it is closed; with `yes` false, no longer.
bool set_delete_on_close(HANDLE file, bool yes);

/// 0 where it is none.
DWORD reparse_tag_of(HANDLE file);
/// True where a reparse point stands for another place: links, junctions, mount points.
inline bool names_another_place(DWORD tag) {
  return (tag & 0x20000000U) != 0;
}

/// What an open handle tells. False with GetLastError() set.
bool status_of(HANDLE file, FileStatus& into);

/// A name that no other has for as long as the machine runs.
std::string fresh_name();

/// Switches on what a token holds but does not use ("SeBackupPrivilege"). False where it does not
/// hold it.
bool enable_privilege(HANDLE token, const wchar_t* name);
/// The same for the token of the process.
bool enable_privilege(const wchar_t* name);

}  // namespace obhut::platform::win
