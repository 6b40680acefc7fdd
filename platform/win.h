#pragma once
// What the Windows halves share. Not for anybody else.
//
// Inside, a path is WTF-8 with '/' between its components: "C:/Users/x", "//server/share/x". To
// the system it goes as UTF-16 with the prefix that lifts the limit of 260 and the rules of old
// (names like "nul", dots at the end): "\\?\C:\Users\x", "\\?\UNC\server\share\x".

#include <optional>
#include <string>
#include <string_view>

#include <windows.h>
// Needs what that one declares.
#include <psapi.h>

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

/// WTF-8 (UTF-8 in which a lone surrogate is written like any other code point), so that every name
/// that NTFS can hold goes there and back. Nothing for what is not that.
std::optional<std::wstring> to_wide(std::string_view text);
std::string to_wtf8(std::wstring_view wide);

/// As the system takes it. A relative path is put behind the current directory.
/// Errors: kInvalidInput for the empty path, a NUL, what is not WTF-8.
Result<std::wstring> native_path(std::string_view path);
/// Without the prefix, '/' between components.
std::string inner_path(std::wstring_view native);

/// GetLastError() as it is now. `code` of NTSTATUS answers: RtlNtStatusToDosError.
std::unexpected<Error> failure(std::string_view action, std::string_view path,
                               Whose whose = Whose::kOurs);
std::unexpected<Error> failure_of(DWORD code, std::string_view action, std::string_view path,
                                  Whose whose = Whose::kOurs);

/// Between FILETIME (100 ns since 1601) and nanoseconds since 1970. Cut to what each holds.
std::int64_t unix_ns_of(const FILETIME& time);
std::int64_t unix_ns_of(const LARGE_INTEGER& time);
LARGE_INTEGER file_time_of(std::int64_t unix_ns);

/// What an open handle tells. False with GetLastError() set.
bool status_of(HANDLE file, FileStatus& into);

/// A name that no other has for as long as the machine runs.
std::string fresh_name();

/// Switches on, for the process, what its token holds but does not use ("SeBackupPrivilege"). False
/// where it does not hold it.
bool enable_privilege(const wchar_t* name);

}  // namespace obhut::platform::win
