#include <algorithm>
#include <thread>

#include "agent/base/check.h"
#include "agent/base/text.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "platform/windows_rights.h"

namespace obhut::platform {

using win::handle_of;
using win::native_of;
using win::native_path;

namespace {

constexpr std::size_t kMostAtOnce = 1U << 30U;

/// A scanner or an indexer that looks at a new file for a moment must not fail a run.
template <class Call>
bool insist(Call call) {
  constexpr int kTimes = 30;
  constexpr std::chrono::milliseconds kPause{10};
  for (int i = 0;; ++i) {
    if (call()) return true;
    const DWORD code = ::GetLastError();
    const bool passing = code == ERROR_SHARING_VIOLATION || code == ERROR_ACCESS_DENIED ||
                         code == ERROR_LOCK_VIOLATION || code == ERROR_DELETE_PENDING;
    if (!passing || i == kTimes) return false;
    std::this_thread::sleep_for(kPause);
  }
}

/// False with GetLastError() set.
bool replace_at_once(const std::wstring& from, const std::wstring& to) {
  const Handle file = handle_of(
      ::CreateFileW(from.c_str(), DELETE | SYNCHRONIZE, FILE_SHARE_READ | FILE_SHARE_DELETE,
                    nullptr, OPEN_EXISTING, FILE_FLAG_OPEN_REPARSE_POINT, nullptr));
  return file.valid() && win::replace_beside_readers(native_of(file), to);
}

/// False with GetLastError() set.
bool replace(const std::wstring& from, const std::wstring& to) {
  if (replace_at_once(from, to)) return true;
  constexpr DWORD kHow = MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH;
  const auto move = [&] { return ::MoveFileExW(from.c_str(), to.c_str(), kHow) != 0; };
  // Who reads it for a moment is waited for.
  if (insist(move)) return true;
  if (::GetLastError() != ERROR_ACCESS_DENIED) return false;
  // An older system does not replace what somebody has open, if only to read. It gives way to
  // another name, though, and goes when it is closed: for an instant there is neither.
  const std::optional<std::wstring> mark = win::to_wide(".tmp-" + win::fresh_name());
  const std::wstring aside = to.substr(0, to.rfind(L'\\') + 1) + mark.value_or(L"");
  if (::MoveFileExW(to.c_str(), aside.c_str(), MOVEFILE_WRITE_THROUGH) == 0) return false;
  if (::MoveFileExW(from.c_str(), to.c_str(), kHow) != 0) {
    static_cast<void>(::DeleteFileW(aside.c_str()));  // in nobody's way, and gone in the end
    return true;
  }
  const DWORD code = ::GetLastError();
  static_cast<void>(::MoveFileExW(aside.c_str(), to.c_str(), kHow));  // as it was
  ::SetLastError(code);
  return false;
}

}  // namespace

Result<Bytes> read_file(const std::string& path, std::size_t cap) {
  ASSIGN_OR_RETURN(const FileStatus status, status_of_path(path));
  if (status.type != FileType::kRegular) {
    return fail(ErrorKind::kInvalidInput, "read " + printable(path) + ": not a regular file");
  }
  ASSIGN_OR_RETURN(const LocalFile file, LocalFile::open_for_reading(path));
  ASSIGN_OR_RETURN(const std::uint64_t size, file.size());
  // One byte more than there should be: a file that grows meanwhile shows.
  Bytes content(static_cast<std::size_t>(std::min<std::uint64_t>(size, cap)) + 1);
  std::size_t done = 0;
  for (;;) {
    ASSIGN_OR_RETURN(const std::size_t got,
                     file.read_at(done, MutableByteView(content).subspan(done)));
    done += got;
    if (done < content.size()) break;
    if (done > cap) {
      return fail(ErrorKind::kInvalidInput, "read " + printable(path) + ": longer than the " +
                                                std::to_string(cap) +
                                                " bytes that are expected at most");
    }
    content.resize(std::min(content.size() * 2, cap + 1));
  }
  content.resize(done);
  return content;
}

Result<AtomicFile> AtomicFile::create(const std::string& path, std::uint32_t mode,
                                      const std::string& temporary_folder) {
  const std::string folder = temporary_folder.empty() ? parent_of(path) : temporary_folder;
  const std::string temporary = join(folder, ".tmp-" + win::fresh_name());
  ASSIGN_OR_RETURN(const std::wstring native, native_path(temporary));
  win::PrivateRights rights;
  Handle handle = handle_of(::CreateFileW(
      native.c_str(), GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_DELETE,
      rights.unless_shared(mode), CREATE_NEW, FILE_ATTRIBUTE_NORMAL, nullptr));
  if (!handle.valid()) return win::failure("create a file for", path);
  return AtomicFile(std::move(handle), path, temporary);
}

void AtomicFile::discard() {
  handle_.close();
  if (temporary_.empty()) return;
  // ignored: a temporary file that stays is in nobody's way.
  if (const auto native = native_path(temporary_)) {
    static_cast<void>(insist([&] { return ::DeleteFileW(native->c_str()) != 0; }));
  }
  temporary_.clear();
}

Result<void> AtomicFile::write(ByteView bytes) {
  while (!bytes.empty()) {
    const auto wanted = static_cast<DWORD>(std::min(bytes.size(), kMostAtOnce));
    DWORD done = 0;
    if (::WriteFile(native_of(handle_), bytes.data(), wanted, &done, nullptr) == 0) {
      return win::failure("write", path_);
    }
    bytes = bytes.subspan(done);
  }
  return {};
}

// FILE_FLAG_NO_BUFFERING is a matter of opening, and wants whole sectors to the end of the file.
Result<void> AtomicFile::write_past_cache(ByteView bytes) {
  return write(bytes);
}

Result<void> AtomicFile::commit_without_folder_sync() {
  CHECK(!temporary_.empty());
  const auto give_up = [&](std::string_view action) {
    auto failed = win::failure(action, path_);
    discard();
    return failed;
  };
  if (::FlushFileBuffers(native_of(handle_)) == 0) return give_up("sync");
  handle_.close();
  ASSIGN_OR_RETURN(const std::wstring from, native_path(temporary_));
  ASSIGN_OR_RETURN(const std::wstring to, native_path(path_));
  if (!replace(from, to)) return give_up("replace");
  temporary_.clear();
  return {};
}

Result<void> AtomicFile::commit() {
  return commit_without_folder_sync();
}

}  // namespace obhut::platform
