#include "platform/win.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "agent/base/text.h"
#include "platform/utf16.h"

namespace obhut::platform::win {
namespace {

constexpr std::int64_t kTicksOf1970 = 116'444'736'000'000'000;
constexpr std::int64_t kTick = 100;

std::optional<std::wstring> absolute(const std::wstring& path) {
  const DWORD room = ::GetFullPathNameW(path.c_str(), 0, nullptr, nullptr);
  if (room == 0) return std::nullopt;
  std::wstring whole(room, L'\0');
  const DWORD length = ::GetFullPathNameW(path.c_str(), room, whole.data(), nullptr);
  if (length == 0 || length >= room) return std::nullopt;
  whole.resize(length);
  return whole;
}

bool is_letter(wchar_t c) {
  return (c >= L'a' && c <= L'z') || (c >= L'A' && c <= L'Z');
}

bool has_drive(std::wstring_view path) {
  return path.size() >= 3 && path[1] == L':' && path[2] == L'\\';
}

/// "\C" and "\C\Users".
bool is_inner_drive(std::wstring_view path) {
  return path.size() >= 2 && path[0] == L'\\' && is_letter(path[1]) &&
         (path.size() == 2 || path[2] == L'\\');
}

}  // namespace

std::optional<std::wstring> to_wide(std::string_view text) {
  const std::optional<std::u16string> units = utf16_of(text);
  if (!units) return std::nullopt;
  return std::wstring(units->begin(), units->end());
}

std::string to_wtf8(std::wstring_view wide) {
  return wtf8_of(std::u16string(wide.begin(), wide.end()));
}

Result<std::wstring> native_path(std::string_view path) {
  const auto bad = [&](const char* why) {
    return fail(ErrorKind::kInvalidInput, "path " + printable(path) + ": " + why);
  };
  if (path.empty()) return fail(ErrorKind::kInvalidInput, "the empty path names nothing");
  if (path.find('\0') != std::string_view::npos) return bad("holds a zero");
  if (is_above_volumes(path) || is_without_drive(path)) {
    return bad("names no drive: write it as C:\\folder");
  }
  std::optional<std::wstring> wide = to_wide(path);
  if (!wide) return bad("is not UTF-8");
  std::ranges::replace(*wide, L'/', L'\\');
  if (wide->starts_with(L"\\\\?\\") || wide->starts_with(L"\\\\.\\")) return std::move(*wide);
  if (is_inner_drive(*wide)) {
    wide = std::wstring{(*wide)[1]} + L":\\" + wide->substr(std::min<std::size_t>(3, wide->size()));
  } else if (wide->starts_with(L"\\UNC\\")) {
    wide = L"\\" + wide->substr(4);
  }
  if (!has_drive(*wide) && !wide->starts_with(L"\\\\")) {
    wide = absolute(*wide);
    if (!wide) return bad("cannot be made absolute");
  }
  // Behind the prefix nothing is interpreted: neither doubled separators nor one at the end.
  std::wstring clean;
  const bool unc = wide->starts_with(L"\\\\");
  for (const wchar_t c : std::wstring_view(*wide).substr(unc ? 2 : 0)) {
    if (c == L'\\' && clean.ends_with(L'\\')) continue;
    clean.push_back(c);
  }
  while (clean.size() > 3 && clean.ends_with(L'\\')) clean.pop_back();
  return (unc ? L"\\\\?\\UNC\\" : L"\\\\?\\") + clean;
}

std::string inner_path(std::wstring_view native) {
  if (native.starts_with(L"\\\\?\\")) native.remove_prefix(4);
  std::wstring plain;
  if (native.starts_with(L"UNC\\")) {
    plain = L"\\" + std::wstring(native);
  } else if (native.starts_with(L"\\\\")) {
    plain = L"\\UNC\\" + std::wstring(native.substr(2));
  } else if (native.size() >= 2 && native[1] == L':') {
    const wchar_t drive = native[0] >= L'a' && native[0] <= L'z'
                              ? static_cast<wchar_t>(native[0] - L'a' + L'A')
                              : native[0];
    plain = std::wstring{L'\\', drive} + std::wstring(native.substr(2));
  } else {
    plain = native;
  }
  while (plain.size() > 1 && plain.ends_with(L'\\')) plain.pop_back();
  std::ranges::replace(plain, L'\\', L'/');
  return to_wtf8(plain);
}

bool is_without_drive(std::string_view path) {
  if (!path.starts_with('/') || path.starts_with("//")) return false;
  const std::string_view first = path.substr(1, path.find('/', 1) - 1);
  return first.size() != 1 && first != "UNC";
}

std::string known_folder(const KNOWNFOLDERID& which, std::string_view usual) {
  PWSTR path = nullptr;
  const HRESULT found = ::SHGetKnownFolderPath(which, 0, nullptr, &path);
  std::string folder(SUCCEEDED(found) ? inner_path(path) : usual);
  ::CoTaskMemFree(path);
  return folder;
}

bool is_above_volumes(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  if (path == "/" || path == "/UNC") return true;
  return path.starts_with("/UNC/") && path.find('/', 5) == std::string_view::npos;
}

std::optional<std::wstring> entry_name(std::string_view name) {
  if (name.empty() || name == "." || name == "..") return std::nullopt;
  const bool fits = std::ranges::none_of(name, [](char c) {
    constexpr std::string_view kNever = "\\/:*?\"<>|";
    return static_cast<unsigned char>(c) < 0x20 || kNever.find(c) != std::string_view::npos;
  });
  return fits ? to_wide(name) : std::nullopt;
}

bool was_delete_pending() {
  using Ask = NTSTATUS(WINAPI*)();
  static const auto ask = reinterpret_cast<Ask>(reinterpret_cast<void*>(
      ::GetProcAddress(::GetModuleHandleW(L"ntdll.dll"), "RtlGetLastNtStatus")));
  constexpr auto kDeletePending = static_cast<NTSTATUS>(0xC0000056U);
  return ask != nullptr && ask() == kDeletePending;
}

DWORD set_last_error_of(NTSTATUS status) {
  const DWORD code = ::RtlNtStatusToDosError(status);
  ::SetLastError(code);
  return code;
}

Handle open_at(HANDLE folder, std::wstring_view name, const OpenHow& how) {
  UNICODE_STRING text{};
  text.Buffer = const_cast<wchar_t*>(name.data());
  text.Length = static_cast<USHORT>(name.size() * sizeof(wchar_t));
  text.MaximumLength = text.Length;
  OBJECT_ATTRIBUTES what{};
  what.Length = sizeof what;
  what.RootDirectory = folder;
  what.ObjectName = &text;
  what.Attributes = OBJ_CASE_INSENSITIVE;
  IO_STATUS_BLOCK done{};
  HANDLE opened = nullptr;
  const ULONG options = how.options | FILE_OPEN_FOR_BACKUP_INTENT | FILE_SYNCHRONOUS_IO_NONALERT |
                        (how.follow ? 0U : FILE_OPEN_REPARSE_POINT);
  const NTSTATUS status =
      ::NtCreateFile(&opened, how.access | SYNCHRONIZE, &what, &done, nullptr, how.attributes,
                     how.share, how.disposition, options, nullptr, 0);
  if (status >= 0) return handle_of(opened);
  set_last_error_of(status);
  return {};
}

namespace {

// Of the driver kit's headers; the classes of NtSetInformationFile, and flags of the last.
constexpr int kFileRenameInformation = 10;
constexpr int kFileLinkInformation = 11;
constexpr int kFileRenameInformationEx = 65;
constexpr ULONG kReplaceIfExists = 1;
constexpr ULONG kPosixSemantics = 2;

/// The structures of all three are one, but that the older two have a BOOLEAN where the newest has
/// flags, of which "replace" is the same bit.
bool set_name(HANDLE file, HANDLE folder, std::wstring_view name, ULONG flags, int kind) {
  struct NewName {
    ULONG flags;
    HANDLE folder;
    ULONG length;
    wchar_t first;
  };
  const std::size_t bytes = name.size() * sizeof(wchar_t);
  std::vector<std::uint64_t> room((sizeof(NewName) + bytes) / sizeof(std::uint64_t) + 1);
  auto* wanted = reinterpret_cast<NewName*>(room.data());
  wanted->flags = flags;
  wanted->folder = folder;
  wanted->length = static_cast<ULONG>(bytes);
  std::copy(name.begin(), name.end(), &wanted->first);
  FILE_INFORMATION_CLASS what{};
  std::memcpy(&what, &kind, sizeof what);  // one of them is beyond those that the header has
  IO_STATUS_BLOCK done{};
  // Never less than the whole structure, which has room for more than a name of one letter.
  const std::size_t size = std::max(offsetof(NewName, first) + bytes, sizeof(NewName));
  const NTSTATUS status =
      ::NtSetInformationFile(file, &done, wanted, static_cast<ULONG>(size), what);
  if (status >= 0) return true;
  set_last_error_of(status);
  return false;
}

}  // namespace

bool rename_at(HANDLE file, HANDLE folder, std::wstring_view name, bool replace) {
  return set_name(file, folder, name, replace ? kReplaceIfExists : 0, kFileRenameInformation);
}

bool replace_beside_readers(HANDLE file, const std::wstring& path) {
  return set_name(file, nullptr, L"\\??\\" + path.substr(4), kReplaceIfExists | kPosixSemantics,
                  kFileRenameInformationEx);
}

bool link_at(HANDLE file, HANDLE folder, std::wstring_view name) {
  return set_name(file, folder, name, 0, kFileLinkInformation);
}

bool set_delete_on_close(HANDLE file, bool yes) {
  FILE_DISPOSITION_INFO wanted{};
  wanted.DeleteFile = yes ? TRUE : FALSE;
  return ::SetFileInformationByHandle(file, FileDispositionInfo, &wanted, sizeof wanted) != 0;
}

DWORD reparse_tag_of(HANDLE file) {
  FILE_ATTRIBUTE_TAG_INFO known{};
  if (::GetFileInformationByHandleEx(file, FileAttributeTagInfo, &known, sizeof known) == 0 ||
      (known.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) == 0) {
    return 0;
  }
  return known.ReparseTag;
}

std::unexpected<Error> failure_of(DWORD code, std::string_view action, std::string_view path,
                                  Whose whose) {
  return std::unexpected(os_error(static_cast<int>(code), whose, action, path));
}

std::unexpected<Error> failure(std::string_view action, std::string_view path, Whose whose) {
  return failure_of(::GetLastError(), action, path, whose);
}

std::int64_t unix_ns_of(const LARGE_INTEGER& time) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / kTick;
  return std::clamp(time.QuadPart - kTicksOf1970, -kMost, kMost) * kTick;
}

std::int64_t unix_ns_of(const FILETIME& time) {
  LARGE_INTEGER whole;
  whole.LowPart = time.dwLowDateTime;
  whole.HighPart = static_cast<LONG>(time.dwHighDateTime);
  return unix_ns_of(whole);
}

LARGE_INTEGER file_time_of(std::int64_t unix_ns) {
  // Downwards, before 1970 too. Zero and below mean "leave it" to the system: the first tick.
  std::int64_t ticks = unix_ns / kTick;
  if (unix_ns % kTick < 0) --ticks;
  LARGE_INTEGER time;
  time.QuadPart = std::max<std::int64_t>(ticks + kTicksOf1970, 1);
  return time;
}

bool status_of(HANDLE file, FileStatus& into) {
  BY_HANDLE_FILE_INFORMATION known{};
  if (::GetFileInformationByHandle(file, &known) == 0) return false;
  FILE_BASIC_INFO basic{};
  if (::GetFileInformationByHandleEx(file, FileBasicInfo, &basic, sizeof basic) == 0) return false;
  FILE_STANDARD_INFO standard{};
  if (::GetFileInformationByHandleEx(file, FileStandardInfo, &standard, sizeof standard) == 0) {
    return false;
  }
  into = {};
  const DWORD attributes = known.dwFileAttributes;
  if (names_another_place(reparse_tag_of(file))) into.type = FileType::kSymlink;
  if (into.type == FileType::kUnknown) {
    into.type =
        (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0 ? FileType::kDirectory : FileType::kRegular;
  }
  const bool directory = into.type == FileType::kDirectory;
  const bool fixed = (attributes & FILE_ATTRIBUTE_READONLY) != 0 && !directory;
  into.mode = directory ? 0755U : (fixed ? 0444U : 0644U);
  into.size = static_cast<std::uint64_t>(standard.EndOfFile.QuadPart);
  if (directory) into.size = 0;
  into.blocks = static_cast<std::uint64_t>(standard.AllocationSize.QuadPart) / 512;
  into.mtime_ns = unix_ns_of(basic.LastWriteTime);
  into.ctime_ns = unix_ns_of(basic.ChangeTime);
  into.birth_ns = unix_ns_of(basic.CreationTime);
  into.inode = (std::uint64_t{known.nFileIndexHigh} << 32U) | known.nFileIndexLow;
  into.device = known.dwVolumeSerialNumber;
  into.links = known.nNumberOfLinks;
  return true;
}

std::string fresh_name() {
  static std::atomic<std::uint32_t> made{0};
  LARGE_INTEGER now{};
  ::QueryPerformanceCounter(&now);
  return std::to_string(::GetCurrentProcessId()) + "-" + std::to_string(now.QuadPart) + "-" +
         std::to_string(made++);
}

bool enable_privilege(HANDLE token, const wchar_t* name) {
  TOKEN_PRIVILEGES wanted{};
  wanted.PrivilegeCount = 1;
  wanted.Privileges[0].Attributes = SE_PRIVILEGE_ENABLED;
  if (::LookupPrivilegeValueW(nullptr, name, &wanted.Privileges[0].Luid) == 0) return false;
  // The call is content where it changed nothing.
  return ::AdjustTokenPrivileges(token, FALSE, &wanted, 0, nullptr, nullptr) != 0 &&
         ::GetLastError() == ERROR_SUCCESS;
}

bool enable_privilege(const wchar_t* name) {
  HANDLE token = nullptr;
  if (::OpenProcessToken(::GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY, &token) ==
      0) {
    return false;
  }
  const Handle held = handle_of(token);
  return enable_privilege(token, name);
}

}  // namespace obhut::platform::win
