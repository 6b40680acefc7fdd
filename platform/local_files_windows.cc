#include <algorithm>
#include <array>
#include <functional>

#include "agent/base/text.h"
#include "platform/local_files.h"
#include "platform/os_error.h"
#include "platform/windows_rights.h"

namespace obhut::platform {

using win::handle_of;
using win::native_of;
using win::native_path;

namespace {

constexpr DWORD kShareAll = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
/// The most that one call is asked for: lengths are 32 bits.
constexpr std::size_t kMostAtOnce = 1U << 30U;

Handle open_path(const std::wstring& path, DWORD access, DWORD how, DWORD flags) {
  return handle_of(::CreateFileW(path.c_str(), access, kShareAll, nullptr, how, flags, nullptr));
}

bool is_directory(const std::wstring& path) {
  const DWORD attributes = ::GetFileAttributesW(path.c_str());
  return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
}

OVERLAPPED at_offset(std::uint64_t offset) {
  OVERLAPPED place{};
  place.Offset = static_cast<DWORD>(offset);
  place.OffsetHigh = static_cast<DWORD>(offset >> 32U);
  return place;
}

/// Where the part of a path begins that names no drive or share: "\\?\C:\" and the like.
std::size_t root_length(const std::wstring& path) {
  if (!path.starts_with(L"\\\\?\\UNC\\")) return std::min<std::size_t>(path.size(), 7);
  const std::size_t server = path.find(L'\\', 8);
  if (server == std::wstring::npos) return path.size();
  const std::size_t share = path.find(L'\\', server + 1);
  return share == std::wstring::npos ? path.size() : share + 1;
}

Result<void> remove_below(const std::wstring& path);

/// Whatever it is; a link or a mount point is removed itself, never what it points to.
Result<void> remove_entry(const std::wstring& path, DWORD attributes) {
  const bool directory = (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
  if (directory && (attributes & FILE_ATTRIBUTE_REPARSE_POINT) == 0) TRY(remove_below(path));
  if ((attributes & FILE_ATTRIBUTE_READONLY) != 0) {
    // ignored: what cannot be removed says so below.
    static_cast<void>(
        ::SetFileAttributesW(path.c_str(), attributes & ~DWORD{FILE_ATTRIBUTE_READONLY}));
  }
  const BOOL done = directory ? ::RemoveDirectoryW(path.c_str()) : ::DeleteFileW(path.c_str());
  if (done != 0 || ::GetLastError() == ERROR_FILE_NOT_FOUND) return {};
  return win::failure("remove", win::inner_path(path));
}

Result<void> each_entry(const std::wstring& folder,
                        const std::function<Result<void>(const WIN32_FIND_DATAW&)>& use) {
  WIN32_FIND_DATAW found{};
  struct Finder {
    HANDLE handle;
    ~Finder() {
      if (handle != INVALID_HANDLE_VALUE) ::FindClose(handle);
    }
  } finder{::FindFirstFileExW((folder + L"\\*").c_str(), FindExInfoBasic, &found,
                              FindExSearchNameMatch, nullptr, FIND_FIRST_EX_LARGE_FETCH)};
  if (finder.handle == INVALID_HANDLE_VALUE) return win::failure("list", win::inner_path(folder));
  do {
    const std::wstring_view name(found.cFileName);
    if (name != L"." && name != L"..") TRY(use(found));
  } while (::FindNextFileW(finder.handle, &found) != 0);
  if (::GetLastError() == ERROR_NO_MORE_FILES) return {};
  return win::failure("list", win::inner_path(folder));
}

Result<void> remove_below(const std::wstring& path) {
  return each_entry(path, [&](const WIN32_FIND_DATAW& found) {
    return remove_entry(path + L"\\" + found.cFileName, found.dwFileAttributes);
  });
}

}  // namespace

bool is_absolute(std::string_view path) {
  const bool drive = path.size() >= 3 && path[1] == ':' && (path[2] == '/' || path[2] == '\\');
  return drive || path.starts_with('/') || path.starts_with("\\\\");
}

Result<std::string> absolute_path(std::string_view path) {
  if (win::is_above_volumes(path) || win::is_without_drive(path)) return std::string(path);
  ASSIGN_OR_RETURN(const std::wstring native, native_path(path));
  // Behind the prefix "." and ".." would be names: taken out here. "/C" and "/UNC/server/share" are
  // the roots above which there is nothing.
  const std::string whole = win::inner_path(native);
  std::size_t root = 2;
  if (whole.starts_with("/UNC/")) {
    const std::size_t share = whole.find('/', whole.find('/', 5) + 1);
    root = std::min(share, whole.size());
  }
  std::string clean = whole.substr(0, root);
  for (std::size_t at = root; at < whole.size();) {
    const std::size_t end = std::min(whole.find('/', at + 1), whole.size());
    const std::string_view part = std::string_view(whole).substr(at + 1, end - at - 1);
    if (part == "..") {
      clean.resize(std::max(root, std::min(clean.rfind('/'), clean.size())));
    } else if (!part.empty() && part != ".") {
      clean.append("/").append(part);
    }
    at = end;
  }
  return clean;
}

std::string system_text(const std::string& path) {
  const Result<std::wstring> native = native_path(path);
  if (!native) return path;
  if (native->starts_with(L"\\\\?\\UNC\\")) return "\\\\" + win::to_wtf8(native->substr(8));
  return win::to_wtf8(std::wstring_view(*native).substr(native->starts_with(L"\\\\?\\") ? 4 : 0));
}

std::string shown(std::string_view path) {
  if (!path.starts_with('/') || win::is_above_volumes(path) || win::is_without_drive(path)) {
    return printable(path);
  }
  if (path.starts_with("/UNC/")) return "/" + printable(path.substr(4));
  std::string text = printable(path.substr(1));
  text.insert(1, path.size() == 2 ? ":/" : ":");
  return text;
}

Result<FileStatus> status_of_path(const std::string& path) {
  ASSIGN_OR_RETURN(const std::wstring native, native_path(path));
  const Handle file =
      open_path(native, FILE_READ_ATTRIBUTES, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS);
  FileStatus status;
  if (!file.valid() || !win::status_of(native_of(file), status)) {
    return win::failure("stat", path);
  }
  return status;
}

bool exists(const std::string& path) {
  const Result<std::wstring> native = native_path(path);
  return native && ::GetFileAttributesW(native->c_str()) != INVALID_FILE_ATTRIBUTES;
}

Result<void> make_directories(const std::string& path, std::uint32_t mode) {
  ASSIGN_OR_RETURN(const std::wstring native, native_path(path));
  if (is_directory(native)) return {};
  win::PrivateRights rights;
  SECURITY_ATTRIBUTES* const given = rights.unless_shared(mode);
  for (std::size_t end = native.find(L'\\', root_length(native));;
       end = native.find(L'\\', end + 1)) {
    const std::wstring part = native.substr(0, end);
    if (::CreateDirectoryW(part.c_str(), given) == 0) {
      const DWORD code = ::GetLastError();
      if (code != ERROR_ALREADY_EXISTS && !is_directory(part)) {
        return win::failure_of(code, "make directory", win::inner_path(part));
      }
    }
    if (end == std::wstring::npos) break;
  }
  if (is_directory(native)) return {};
  return fail(ErrorKind::kConflict, "make directory " + printable(path) + ": a file has this name");
}

/// What hangs from the root of all paths.
static std::vector<std::string> drives() {
  std::vector<std::string> names;
  const DWORD there = ::GetLogicalDrives();
  for (char letter = 'A'; letter <= 'Z'; ++letter) {
    if ((there >> static_cast<unsigned>(letter - 'A') & 1U) != 0) names.emplace_back(1, letter);
  }
  return names;
}

Result<std::vector<std::string>> list_directory(const std::string& path) {
  if (path == "/") return drives();
  ASSIGN_OR_RETURN(const std::wstring native, native_path(path));
  std::vector<std::string> names;
  TRY(each_entry(native, [&](const WIN32_FIND_DATAW& found) -> Result<void> {
    names.push_back(win::to_wtf8(found.cFileName));
    return {};
  }));
  std::ranges::sort(names);
  return names;
}

Result<void> remove_file(const std::string& path) {
  ASSIGN_OR_RETURN(const std::wstring native, native_path(path));
  const DWORD attributes = ::GetFileAttributesW(native.c_str());
  if (attributes != INVALID_FILE_ATTRIBUTES) {
    // A directory that is not empty stays, as on other systems.
    const bool directory = (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
    if (directory) {
      if (::RemoveDirectoryW(native.c_str()) != 0) return {};
      return win::failure("remove", path);
    }
    return remove_entry(native, attributes);
  }
  const DWORD code = ::GetLastError();
  if (code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND) return {};
  return win::failure_of(code, "remove", path);
}

Result<void> remove_tree(const std::string& path) {
  ASSIGN_OR_RETURN(const std::wstring native, native_path(path));
  const DWORD attributes = ::GetFileAttributesW(native.c_str());
  if (attributes != INVALID_FILE_ATTRIBUTES) return remove_entry(native, attributes);
  const DWORD code = ::GetLastError();
  if (code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND) return {};
  return win::failure_of(code, "remove", path);
}

Result<void> rename_path(const std::string& from, const std::string& to) {
  ASSIGN_OR_RETURN(const std::wstring native_from, native_path(from));
  ASSIGN_OR_RETURN(const std::wstring native_to, native_path(to));
  constexpr DWORD kHow = MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH;
  if (::MoveFileExW(native_from.c_str(), native_to.c_str(), kHow) != 0) return {};
  return win::failure("rename " + printable(from) + " to", to);
}

// NTFS keeps names by its log, and a rename was written through: there is nothing to sync, nor a
// call that would.
Result<void> sync_directory(const std::string& path) {
  ASSIGN_OR_RETURN(const std::wstring native, native_path(path));
  if (is_directory(native)) return {};
  return win::failure("open", path);
}

Result<std::string> make_temporary_directory(std::string_view prefix) {
  std::array<wchar_t, MAX_PATH + 1> room{};
  const DWORD length = ::GetTempPathW(static_cast<DWORD>(room.size()), room.data());
  if (length == 0 || length > MAX_PATH) return win::failure("find", "the temporary folder");
  const std::string path =
      join(win::inner_path({room.data(), length}), std::string(prefix) + win::fresh_name());
  ASSIGN_OR_RETURN(const std::wstring native, native_path(path));
  win::PrivateRights rights;
  if (::CreateDirectoryW(native.c_str(), rights.get()) == 0) {
    return win::failure("make directory", path);
  }
  return path;
}

// LocalFile

Result<LocalFile> LocalFile::open_for_reading(const std::string& path) {
  ASSIGN_OR_RETURN(const std::wstring native, native_path(path));
  // While it is replaced there is an instant in which it is neither the old one nor the new.
  constexpr int kTimes = 30;
  for (int i = 0;; ++i) {
    Handle handle = open_path(native, GENERIC_READ, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL);
    if (handle.valid()) return LocalFile(std::move(handle), path);
    const DWORD code = ::GetLastError();
    const bool passing = code == ERROR_SHARING_VIOLATION || code == ERROR_DELETE_PENDING ||
                         win::was_delete_pending();
    if (!passing || i == kTimes) return win::failure_of(code, "open", path);
    ::Sleep(10);
  }
}

Result<LocalFile> LocalFile::open_for_appending(const std::string& path, std::uint32_t mode) {
  ASSIGN_OR_RETURN(const std::wstring native, native_path(path));
  win::PrivateRights rights;
  Handle handle = handle_of(::CreateFileW(native.c_str(), GENERIC_READ | GENERIC_WRITE, kShareAll,
                                          rights.unless_shared(mode), OPEN_ALWAYS,
                                          FILE_ATTRIBUTE_NORMAL, nullptr));
  if (!handle.valid()) return win::failure("open", path);
  return LocalFile(std::move(handle), path);
}

Result<std::uint64_t> LocalFile::size() const {
  LARGE_INTEGER size{};
  if (::GetFileSizeEx(native_of(handle_), &size) == 0) return win::failure("stat", path_);
  return static_cast<std::uint64_t>(size.QuadPart);
}

Result<std::size_t> LocalFile::read_at(std::uint64_t offset, MutableByteView into) const {
  std::size_t done = 0;
  while (done < into.size()) {
    OVERLAPPED place = at_offset(offset + done);
    const auto wanted = static_cast<DWORD>(std::min(into.size() - done, kMostAtOnce));
    DWORD got = 0;
    if (::ReadFile(native_of(handle_), into.data() + done, wanted, &got, &place) == 0) {
      if (::GetLastError() == ERROR_HANDLE_EOF) break;
      return win::failure("read", path_);
    }
    if (got == 0) break;
    done += got;
  }
  return done;
}

// Past the cache a file must be opened anew, and nobody tells what of it is in there.
Result<Bytes> LocalFile::read_range_once(ByteRange range) const {
  return read_range(range);
}

Result<void> LocalFile::append(ByteView bytes) {
  ASSIGN_OR_RETURN(std::uint64_t at, size());
  while (!bytes.empty()) {
    OVERLAPPED place = at_offset(at);
    const auto wanted = static_cast<DWORD>(std::min(bytes.size(), kMostAtOnce));
    DWORD done = 0;
    if (::WriteFile(native_of(handle_), bytes.data(), wanted, &done, &place) == 0) {
      return win::failure("write", path_);
    }
    bytes = bytes.subspan(done);
    at += done;
  }
  return {};
}

Result<void> LocalFile::truncate(std::uint64_t size) {
  FILE_END_OF_FILE_INFO end{};
  end.EndOfFile.QuadPart = static_cast<LONGLONG>(size);
  if (::SetFileInformationByHandle(native_of(handle_), FileEndOfFileInfo, &end, sizeof end) == 0) {
    return win::failure("cut", path_);
  }
  return {};
}

Result<void> LocalFile::sync() {
  if (::FlushFileBuffers(native_of(handle_)) == 0) return win::failure("sync", path_);
  return {};
}

}  // namespace obhut::platform
