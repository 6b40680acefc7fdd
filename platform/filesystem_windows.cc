#include <algorithm>
#include <array>

#include "agent/base/text.h"
#include "platform/filesystem.h"
#include "platform/filesystem_trail.h"
#include "platform/os_error.h"
#include "platform/windows_metadata.h"

namespace obhut::platform {

using win::handle_of;
using win::native_of;

namespace {

// Missing in MinGW's winnt.h.
constexpr DWORD kRecallOnOpen = 0x0004'0000;
constexpr DWORD kRecallOnDataAccess = 0x0040'0000;
constexpr ULONG kOpenNoRecall = 0x0040'0000;

constexpr std::size_t kMostAtOnce = 1U << 30U;

std::unexpected<Error> source_failure(std::string_view action, std::string_view path) {
  return win::failure(action, path, Whose::kSource);
}

std::unexpected<Error> swapped(std::string_view action, std::string_view path) {
  return fail(ErrorKind::kSourceGone,
              std::string(action) + " " + printable(path) + ": something else took its place");
}

std::unexpected<Error> unusable_name(std::string_view action, std::string_view path) {
  return fail(ErrorKind::kUnsupported,
              std::string(action) + " " + printable(path) + ": no name that Windows has");
}

/// To look at an entry and at its rights; the rights only where we may.
Handle open_to_look(HANDLE folder, std::wstring_view name) {
  Handle opened =
      win::open_at(folder, name, {.access = FILE_READ_ATTRIBUTES | win::security_access()});
  if (opened.valid() || ::GetLastError() != ERROR_ACCESS_DENIED) return opened;
  return win::open_at(folder, name, {.access = FILE_READ_ATTRIBUTES});
}

/// A directory to list; where its names are not ours to read, its metadata is worth having.
Handle open_to_list(HANDLE folder, std::wstring_view name, bool follow) {
  Handle opened = win::open_at(folder, name,
                               {.access = FILE_LIST_DIRECTORY | FILE_TRAVERSE |
                                          FILE_READ_ATTRIBUTES | win::security_access(),
                                .options = FILE_DIRECTORY_FILE,
                                .follow = follow});
  if (opened.valid() || ::GetLastError() != ERROR_ACCESS_DENIED) return opened;
  opened = win::open_at(folder, name,
                        {.access = FILE_LIST_DIRECTORY | FILE_READ_ATTRIBUTES,
                         .options = FILE_DIRECTORY_FILE,
                         .follow = follow});
  if (opened.valid() || ::GetLastError() != ERROR_ACCESS_DENIED) return opened;
  return win::open_at(
      folder, name,
      {.access = FILE_READ_ATTRIBUTES, .options = FILE_DIRECTORY_FILE, .follow = follow});
}

/// The names in "/": drives with a disk of this machine in them.
std::vector<std::string> drives() {
  std::vector<std::string> found;
  const DWORD present = ::GetLogicalDrives();
  for (unsigned letter = 0; letter < 26; ++letter) {
    if ((present & (1U << letter)) == 0) continue;
    const std::wstring root{static_cast<wchar_t>(L'A' + letter), L':', L'\\'};
    if (::GetDriveTypeW(root.c_str()) != DRIVE_FIXED) continue;
    found.emplace_back(1, static_cast<char>('A' + letter));
  }
  return found;
}

/// What stands above all volumes, where the system has nothing.
FileStatus status_above_volumes() {
  FileStatus status;
  status.type = FileType::kDirectory;
  status.mode = 0755;
  return status;
}

bool has_content_elsewhere(DWORD attributes) {
  return (attributes & (kRecallOnOpen | kRecallOnDataAccess)) != 0;
}

}  // namespace

// SourceFile

Result<FileStatus> SourceFile::status() const {
  FileStatus status;
  if (!win::status_of(native_of(handle_), status)) return source_failure("stat", path_);
  status.device = devices_.of(status.device);
  return status;
}

Result<std::size_t> SourceFile::read_at(std::uint64_t offset, MutableByteView into) const {
  std::size_t done = 0;
  while (done < into.size()) {
    OVERLAPPED place{};
    place.Offset = static_cast<DWORD>(offset + done);
    place.OffsetHigh = static_cast<DWORD>((offset + done) >> 32U);
    const auto wanted = static_cast<DWORD>(std::min(into.size() - done, kMostAtOnce));
    DWORD got = 0;
    if (::ReadFile(native_of(handle_), into.data() + done, wanted, &got, &place) == 0) {
      if (::GetLastError() == ERROR_HANDLE_EOF) break;
      return source_failure("read", path_);
    }
    if (got == 0) break;
    done += got;
  }
  return done;
}

Result<std::optional<ByteRange>> SourceFile::next_data(std::uint64_t offset,
                                                       std::uint64_t size) const {
  if (offset >= size) return std::nullopt;
  FILE_ALLOCATED_RANGE_BUFFER asked{};
  asked.FileOffset.QuadPart = static_cast<LONGLONG>(offset);
  asked.Length.QuadPart = static_cast<LONGLONG>(size - offset);
  FILE_ALLOCATED_RANGE_BUFFER first{};
  DWORD got = 0;
  // More ranges than one is no error: the first is what is asked for.
  if (::DeviceIoControl(native_of(handle_), FSCTL_QUERY_ALLOCATED_RANGES, &asked, sizeof asked,
                        &first, sizeof first, &got, nullptr) == 0 &&
      ::GetLastError() != ERROR_MORE_DATA) {
    return ByteRange{offset, size - offset};
  }
  if (got < sizeof first) return std::nullopt;
  const std::uint64_t start =
      std::max(static_cast<std::uint64_t>(first.FileOffset.QuadPart), offset);
  const std::uint64_t end =
      std::min(static_cast<std::uint64_t>(first.FileOffset.QuadPart + first.Length.QuadPart), size);
  if (start >= end) return std::nullopt;
  return ByteRange{start, end - start};
}

Result<Xattrs> SourceFile::xattrs() const {
  return win::read_metadata(native_of(handle_), path_);
}

// Theirs are among the attributes.
std::uint32_t SourceFile::flags() const {
  return 0;
}

// The cache of files is not asked, and takes no advice about a part of a file.
bool SourceFile::is_cold(ByteRange /*range*/) const {
  return false;
}
void SourceFile::advise_sequential() const {}
void SourceFile::advise_will_need(ByteRange /*range*/) const {}
void SourceFile::advise_dont_need(ByteRange /*range*/) const {}

// Directory

Result<Directory> Directory::open_as(const std::string& path, std::string shown,
                                     DeviceAlias devices) {
  win::prepare_to_read();
  auto trail = std::make_shared<const Trail>(nullptr, std::move(shown));
  if (win::is_above_volumes(path)) return Directory(Handle(), std::move(trail), devices);
  if (win::is_without_drive(path)) {
    return fail(ErrorKind::kSourceGone,
                "open " + printable(trail->name) + ": this system has drives, as in C:\\folder");
  }
  ASSIGN_OR_RETURN(std::wstring native, win::native_path(path));
  // "\\?\" is "\??\" to the system's own calls, which know no other spelling. A drive's root needs
  // its separator: without it, it is the volume itself.
  native.replace(0, 4, L"\\??\\");
  if (native.ends_with(L':')) native += L'\\';
  Handle handle = open_to_list(nullptr, native, true);
  if (!handle.valid()) return source_failure("open", trail->name);
  return Directory(std::move(handle), std::move(trail), devices);
}

Result<Directory> Directory::open_child(std::string_view name) const {
  if (!handle_.valid()) return open(path_of(name));
  const std::optional<std::wstring> child = win::entry_name(name);
  if (!child) return unusable_name("open", path_of(name));
  Handle handle = open_to_list(native_of(handle_), *child, false);
  if (!handle.valid()) return source_failure("open", path_of(name));
  if (win::names_another_place(win::reparse_tag_of(native_of(handle)))) {
    return swapped("open", path_of(name));
  }
  return Directory(std::move(handle), std::make_shared<const Trail>(trail_, std::string(name)),
                   devices_);
}

// A handle has no way up.
Result<Directory> Directory::open_parent(const FileIdentity& /*expected*/) const {
  return fail(ErrorKind::kSourceGone, "go up from " + printable(path()) + ": it has no way up");
}

Result<FileStatus> Directory::status() const {
  if (!handle_.valid()) return status_above_volumes();
  FileStatus status;
  if (!win::status_of(native_of(handle_), status)) return source_failure("stat", path());
  status.device = devices_.of(status.device);
  return status;
}

Result<FileStatus> Directory::status_of(std::string_view name) const {
  if (!handle_.valid()) {
    ASSIGN_OR_RETURN(const Directory child, open(path_of(name)));
    return child.status();
  }
  const std::optional<std::wstring> child = win::entry_name(name);
  if (!child) return unusable_name("stat", path_of(name));
  const Handle entry = win::open_at(native_of(handle_), *child, {});
  FileStatus status;
  if (!entry.valid() || !win::status_of(native_of(entry), status)) {
    return source_failure("stat", path_of(name));
  }
  status.device = devices_.of(status.device);
  return status;
}

Result<void> Directory::list(
    const std::function<bool(std::string_view name, FileType type)>& each) const {
  if (!handle_.valid()) {
    // Servers and shares are found by their names alone.
    if (path() == "/") {
      for (const std::string& drive : drives()) {
        if (!each(drive, FileType::kDirectory)) break;
      }
    }
    return {};
  }
  alignas(FILE_ID_BOTH_DIR_INFO) std::array<std::uint8_t, 64 * 1024> buffer;
  FILE_INFO_BY_HANDLE_CLASS how = FileIdBothDirectoryRestartInfo;
  for (;;) {
    if (::GetFileInformationByHandleEx(native_of(handle_), how, buffer.data(),
                                       static_cast<DWORD>(buffer.size())) == 0) {
      const DWORD code = ::GetLastError();
      if (code == ERROR_NO_MORE_FILES || code == ERROR_FILE_NOT_FOUND) return {};
      return source_failure("list", path());
    }
    how = FileIdBothDirectoryInfo;
    const std::uint8_t* at = buffer.data();
    for (;;) {
      const auto* entry = reinterpret_cast<const FILE_ID_BOTH_DIR_INFO*>(at);
      const std::wstring_view name(entry->FileName, entry->FileNameLength / sizeof(wchar_t));
      if (name != L"." && name != L"..") {
        // Whether a reparse point stands for another place is told by its tag alone.
        FileType type = FileType::kRegular;
        if ((entry->FileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0) type = FileType::kDirectory;
        if ((entry->FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0) type = FileType::kUnknown;
        if (!each(win::to_wtf8(name), type)) return {};
      }
      if (entry->NextEntryOffset == 0) break;
      at += entry->NextEntryOffset;
    }
  }
}

Result<SourceFile> Directory::open_file(std::string_view name) const {
  const std::optional<std::wstring> child = win::entry_name(name);
  if (!child || !handle_.valid()) return unusable_name("open", path_of(name));
  const auto open_entry = [&](ACCESS_MASK more, bool follow) {
    return win::open_at(native_of(handle_), *child,
                        {.access = GENERIC_READ | more,
                         .options = FILE_NON_DIRECTORY_FILE | kOpenNoRecall,
                         .follow = follow});
  };
  Handle handle = open_entry(win::security_access(), false);
  if (!handle.valid() && ::GetLastError() == ERROR_ACCESS_DENIED) handle = open_entry(0, false);
  if (!handle.valid()) return source_failure("open", path_of(name));
  FILE_ATTRIBUTE_TAG_INFO known{};
  if (::GetFileInformationByHandleEx(native_of(handle), FileAttributeTagInfo, &known,
                                     sizeof known) == 0) {
    return source_failure("stat", path_of(name));
  }
  if (has_content_elsewhere(known.FileAttributes)) {
    return fail(ErrorKind::kSourceDenied,
                "open " + printable(path_of(name)) +
                    ": its content is in the cloud alone, and is not fetched from there");
  }
  if ((known.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0) {
    if (win::names_another_place(known.ReparseTag)) return swapped("open", path_of(name));
    // A driver keeps the content in its own way (deduplicated, compressed): read through it.
    handle = open_entry(win::security_access(), true);
    if (!handle.valid()) return source_failure("open", path_of(name));
  }
  return SourceFile(std::move(handle), path_of(name), devices_);
}

Result<std::string> Directory::read_link(std::string_view name) const {
  const std::optional<std::wstring> child = win::entry_name(name);
  if (!child || !handle_.valid()) return unusable_name("read link", path_of(name));
  const Handle entry = win::open_at(native_of(handle_), *child, {});
  if (!entry.valid()) return source_failure("read link", path_of(name));
  return win::read_link_target(native_of(entry), path_of(name));
}

Result<Xattrs> Directory::xattrs() const {
  if (!handle_.valid()) return Xattrs();
  return win::read_metadata(native_of(handle_), path());
}

Result<Xattrs> Directory::xattrs_of(std::string_view name) const {
  const std::optional<std::wstring> child = win::entry_name(name);
  if (!child || !handle_.valid()) return unusable_name("open", path_of(name));
  const Handle entry = open_to_look(native_of(handle_), *child);
  if (!entry.valid()) return source_failure("open", path_of(name));
  return win::read_metadata(native_of(entry), path_of(name));
}

std::uint32_t Directory::flags() const {
  return 0;
}

Result<FileSystemKind> Directory::file_system_kind() const {
  if (!handle_.valid()) return FileSystemKind::kLocal;
  // Of the driver kit's headers.
  struct DeviceInformation {
    ULONG type;
    ULONG characteristics;
  } known{};
  constexpr int kDeviceInformation = 4;
  constexpr ULONG kRemote = 0x10;
  IO_STATUS_BLOCK done{};
  const NTSTATUS status =
      ::NtQueryVolumeInformationFile(native_of(handle_), &done, &known, sizeof known,
                                     static_cast<FS_INFORMATION_CLASS>(kDeviceInformation));
  if (status < 0) {
    win::set_last_error_of(status);
    return source_failure("look up the file system of", path());
  }
  return (known.characteristics & kRemote) != 0 ? FileSystemKind::kNetwork : FileSystemKind::kLocal;
}

}  // namespace obhut::platform
