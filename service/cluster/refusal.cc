#include "service/cluster/refusal.h"

namespace obhut::cluster {
namespace {

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kUnavailable:
    case ErrorKind::kTimeout:
    case ErrorKind::kThrottled:
      return 503;
    case ErrorKind::kQuotaExceeded:
      return 507;
    case ErrorKind::kInvalidInput:
    case ErrorKind::kCrypto:
      return 422;
    case ErrorKind::kNotFound:
      return 404;
    case ErrorKind::kConflict:
      return 409;
    case ErrorKind::kRefused:
      return 403;
    default:
      return 500;
  }
}

}  // namespace

Refusal::Refusal(Error error)
    : status(status_of(error.kind)),
      code(to_string(error.kind)),
      detail(std::move(error.message)),
      kind(error.kind) {}

}  // namespace obhut::cluster
