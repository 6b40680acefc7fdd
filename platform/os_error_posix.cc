#include <cerrno>
#include <cstring>

#include "platform/os_error.h"

namespace obhut::platform {
namespace {

ErrorKind kind_of_source(int code) {
  switch (code) {
    case ENOENT:
    case ESTALE:
    case ENOTDIR:
    case ELOOP:  // a symbolic link took the place of what was listed
    case ENXIO:
    case EISDIR:
      return ErrorKind::kSourceGone;
    case EBUSY:
    case ETXTBSY:
    case EAGAIN:
    case EDEADLK:
      return ErrorKind::kSourceBusy;
    case EOPNOTSUPP:
    case ENOSYS:
    case ENOTTY:
    case EINVAL:
    case EOVERFLOW:
      return ErrorKind::kUnsupported;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return ErrorKind::kUnavailable;
    case EINTR:
      return ErrorKind::kCancelled;
    default:
      // Rights, bad sectors, a broken file system, a FUSE server's own ideas: this entry cannot be
      // read, its neighbours perhaps can. One bad sector must not end the night's backup.
      return ErrorKind::kSourceDenied;
  }
}

ErrorKind kind_of_ours(int code) {
  switch (code) {
    case ENOENT:
      return ErrorKind::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorKind::kRefused;
    case ENOSPC:
    case EDQUOT:
      return ErrorKind::kQuotaExceeded;
    case EEXIST:
    case ENOTEMPTY:
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
    case EXDEV:
      return ErrorKind::kConflict;
    case EOPNOTSUPP:
    case ENOSYS:
    case ENOTTY:
    case EFBIG:
    case EMLINK:
    case ERANGE:
    case E2BIG:
      return ErrorKind::kUnsupported;
    case EINVAL:
    case ENAMETOOLONG:
    case EILSEQ:
      return ErrorKind::kInvalidInput;
    case ETIMEDOUT:
      return ErrorKind::kTimeout;
    case EINTR:
      return ErrorKind::kCancelled;
    case EIO:
    case ENXIO:
    case ENODEV:
    case ESTALE:
    case EBUSY:
    case ETXTBSY:
    case EAGAIN:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
    case ENOTCONN:
      return ErrorKind::kUnavailable;
    default:
      return ErrorKind::kInternal;
  }
}

}  // namespace

std::string os_error_words(int code) {
  const char* const words = ::strerrordesc_np(code);
  return words != nullptr ? words : "";
}

ErrorKind os_error_kind(int code, Whose whose) {
  return whose == Whose::kSource ? kind_of_source(code) : kind_of_ours(code);
}

}  // namespace obhut::platform
