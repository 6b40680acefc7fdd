#include <array>

#include "platform/os_error.h"
#include "platform/win.h"

namespace obhut::platform {
namespace {

// Missing in MinGW's winerror.h.
constexpr DWORD kVirusInfected = 225;
constexpr DWORD kStoppedOnSymlink = 681;
constexpr DWORD kDiskQuotaExceeded = 1295;

ErrorKind kind_of_source(DWORD code) {
  switch (code) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_BAD_NETPATH:
    case ERROR_BAD_NET_NAME:
    case ERROR_DELETE_PENDING:
    case ERROR_DIRECTORY:  // a file took the place of a directory
    case kStoppedOnSymlink:
    case ERROR_NOT_READY:  // a drive without a medium
    case ERROR_DEV_NOT_EXIST:
      return ErrorKind::kSourceGone;
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION:
    case ERROR_USER_MAPPED_FILE:
    case ERROR_BUSY:
      return ErrorKind::kSourceBusy;
    case ERROR_NOT_SUPPORTED:
    case ERROR_INVALID_FUNCTION:
    case ERROR_INVALID_PARAMETER:
    case ERROR_INVALID_NAME:
    case ERROR_CALL_NOT_IMPLEMENTED:
      return ErrorKind::kUnsupported;
    case ERROR_TOO_MANY_OPEN_FILES:
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
    case ERROR_NO_SYSTEM_RESOURCES:
      return ErrorKind::kUnavailable;
    case ERROR_OPERATION_ABORTED:
      return ErrorKind::kCancelled;
    default:
      // Rights, bad sectors, a virus that the system's scanner will not hand out: this entry cannot
      // be read, its neighbours perhaps can.
      return ErrorKind::kSourceDenied;
  }
}

ErrorKind kind_of_ours(DWORD code) {
  switch (code) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_INVALID_DRIVE:
      return ErrorKind::kNotFound;
    case ERROR_ACCESS_DENIED:
    case ERROR_WRITE_PROTECT:
    case ERROR_PRIVILEGE_NOT_HELD:
    case kVirusInfected:
      return ErrorKind::kRefused;
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL:
    case kDiskQuotaExceeded:
      return ErrorKind::kQuotaExceeded;
    case ERROR_FILE_EXISTS:
    case ERROR_ALREADY_EXISTS:
    case ERROR_DIR_NOT_EMPTY:
    case ERROR_DIRECTORY:
    case ERROR_NOT_SAME_DEVICE:
    case kStoppedOnSymlink:
      return ErrorKind::kConflict;
    case ERROR_NOT_SUPPORTED:
    case ERROR_INVALID_FUNCTION:
    case ERROR_CALL_NOT_IMPLEMENTED:
    case ERROR_FILE_TOO_LARGE:
    case ERROR_TOO_MANY_LINKS:
    case ERROR_EAS_NOT_SUPPORTED:
      return ErrorKind::kUnsupported;
    case ERROR_INVALID_PARAMETER:
    case ERROR_INVALID_NAME:
    case ERROR_BAD_PATHNAME:
    case ERROR_FILENAME_EXCED_RANGE:
      return ErrorKind::kInvalidInput;
    case ERROR_SEM_TIMEOUT:
    case WAIT_TIMEOUT:
      return ErrorKind::kTimeout;
    case ERROR_OPERATION_ABORTED:
      return ErrorKind::kCancelled;
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION:
    case ERROR_DELETE_PENDING:
    case ERROR_BUSY:
    case ERROR_PIPE_BUSY:
    case ERROR_BROKEN_PIPE:
    case ERROR_NO_DATA:
    case ERROR_NOT_READY:
    case ERROR_IO_DEVICE:
    case ERROR_CRC:
    case ERROR_GEN_FAILURE:
    case ERROR_BAD_NETPATH:
    case ERROR_BAD_NET_NAME:
    case ERROR_NETNAME_DELETED:
    case ERROR_UNEXP_NET_ERR:
    case ERROR_DEV_NOT_EXIST:
    case ERROR_TOO_MANY_OPEN_FILES:
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
    case ERROR_NO_SYSTEM_RESOURCES:
      return ErrorKind::kUnavailable;
    default:
      return ErrorKind::kInternal;
  }
}

}  // namespace

std::string os_error_words(int code) {
  std::array<wchar_t, 512> room{};
  constexpr DWORD kHow =
      FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS | FORMAT_MESSAGE_MAX_WIDTH_MASK;
  // Messages of libraries are in English, whatever the system speaks; where it has none, its own.
  DWORD length = 0;
  for (const DWORD language : {DWORD{MAKELANGID(LANG_ENGLISH, SUBLANG_ENGLISH_US)}, DWORD{0}}) {
    if (length != 0) break;
    length = ::FormatMessageW(kHow, nullptr, static_cast<DWORD>(code), language, room.data(),
                              static_cast<DWORD>(room.size()), nullptr);
  }
  std::string text = win::to_wtf8({room.data(), length});
  while (text.ends_with(' ') || text.ends_with('.') || text.ends_with('\n')) text.pop_back();
  return text;
}

ErrorKind os_error_kind(int code, Whose whose) {
  const auto native = static_cast<DWORD>(code);
  return whose == Whose::kSource ? kind_of_source(native) : kind_of_ours(native);
}

}  // namespace obhut::platform
