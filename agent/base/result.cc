#include "agent/base/result.h"

namespace obhut {

Disposition disposition_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kUnavailable:
    case ErrorKind::kTimeout:
    case ErrorKind::kThrottled:
      return Disposition::kRetry;
    case ErrorKind::kSourceGone:
    case ErrorKind::kSourceDenied:
    case ErrorKind::kSourceBusy:
    case ErrorKind::kUnsupported:
      return Disposition::kSkipEntry;
    case ErrorKind::kNotFound:
    case ErrorKind::kCorrupt:
    case ErrorKind::kCrypto:
    case ErrorKind::kRefused:
    case ErrorKind::kQuotaExceeded:
    case ErrorKind::kInvalidInput:
    case ErrorKind::kConflict:
    case ErrorKind::kInternal:
      return Disposition::kStopJob;
    case ErrorKind::kCancelled:
      return Disposition::kStopQuiet;
  }
  return Disposition::kStopJob;
}

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kUnavailable:
      return "unavailable";
    case ErrorKind::kTimeout:
      return "timeout";
    case ErrorKind::kThrottled:
      return "throttled";
    case ErrorKind::kSourceGone:
      return "source-gone";
    case ErrorKind::kSourceDenied:
      return "source-denied";
    case ErrorKind::kSourceBusy:
      return "source-busy";
    case ErrorKind::kUnsupported:
      return "unsupported";
    case ErrorKind::kNotFound:
      return "not-found";
    case ErrorKind::kCorrupt:
      return "corrupt";
    case ErrorKind::kCrypto:
      return "crypto";
    case ErrorKind::kRefused:
      return "refused";
    case ErrorKind::kQuotaExceeded:
      return "quota-exceeded";
    case ErrorKind::kInvalidInput:
      return "invalid-input";
    case ErrorKind::kConflict:
      return "conflict";
    case ErrorKind::kCancelled:
      return "cancelled";
    case ErrorKind::kInternal:
      return "internal";
  }
  return "internal";
}

}  // namespace obhut
