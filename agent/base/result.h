#pragma once
// How failures travel: Result<T> is either a value or an Error whose kind decides what a job does.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace obhut {

/// What went wrong, by the reaction that it calls for. The reactions stand in disposition_of().
enum class ErrorKind : std::uint8_t {
  kUnavailable,    ///< the other side did not answer, or the medium is gone for now
  kTimeout,        ///< a deadline passed
  kThrottled,      ///< asked to come back later
  kSourceGone,     ///< a source entry vanished while it was read
  kSourceDenied,   ///< a source entry may not be read
  kSourceBusy,     ///< a source entry is locked or kept changing
  kUnsupported,    ///< this system or file system cannot hold or read it
  kNotFound,       ///< a stored object is missing
  kCorrupt,        ///< stored bytes are not what was written
  kCrypto,         ///< authentication or key failure
  kRefused,        ///< not allowed: rights, signature, policy
  kQuotaExceeded,  ///< a limit set by the partner or the disk is reached
  kInvalidInput,   ///< arguments, plan, token or file that cannot be understood
  kConflict,       ///< somebody else changed it first
  kCancelled,      ///< asked to stop
  kInternal,       ///< a library or the system failed in a way we have no better word for
};

/// What a job does on an error of a kind. Decided here and nowhere else.
enum class Disposition : std::uint8_t {
  kRetry,      ///< again with backoff; when spent, stop and resume with the next run
  kSkipEntry,  ///< list the entry in the report and go on
  kStopJob,    ///< stop and raise an alert (restore and check: skip the entry, list it, go on)
  kStopQuiet,  ///< stop, keep what is done
};

struct [[nodiscard]] Error {
  ErrorKind kind = ErrorKind::kInternal;
  std::string message;  ///< lower case, no full stop, names the object

  /// Adds context on the way up: Error{"tag mismatch"}.within("seal a.txt") reads
  /// "seal a.txt: tag mismatch".
  Error within(std::string_view context) && {
    message.insert(0, std::string(context) + ": ");
    return std::move(*this);
  }
};

template <class T>
using Result = std::expected<T, Error>;

/// Short for std::unexpected(Error{kind, message}).
[[nodiscard]] inline std::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return std::unexpected(Error{kind, std::move(message)});
}

/// Passes an error on, with context.
[[nodiscard]] inline std::unexpected<Error> pass_on(Error&& error, std::string_view context) {
  return std::unexpected(std::move(error).within(context));
}

Disposition disposition_of(ErrorKind kind);

/// A stable word for logs, JSON and problem documents: "unavailable", "source-denied" …
std::string_view to_string(ErrorKind kind);

}  // namespace obhut

#define OBHUT_CONCAT_INNER(a, b) a##b
#define OBHUT_CONCAT(a, b) OBHUT_CONCAT_INNER(a, b)

/// Leaves the function with the error of `expression`, or goes on.
#define TRY(expression)                                      \
  do {                                                       \
    if (auto try_result = (expression); !try_result) {       \
      return std::unexpected(std::move(try_result).error()); \
    }                                                        \
  } while (false)

/// Declares `target` with the value of `expression`, or leaves the function with its error.
#define ASSIGN_OR_RETURN(target, expression) \
  ASSIGN_OR_RETURN_INNER(OBHUT_CONCAT(assign_result_, __LINE__), target, expression)
// NOLINTBEGIN(bugprone-macro-parentheses): `target` is a declaration
#define ASSIGN_OR_RETURN_INNER(temporary, target, expression)           \
  auto temporary = (expression);                                        \
  if (!temporary) return std::unexpected(std::move(temporary).error()); \
  target = std::move(*temporary)
// NOLINTEND(bugprone-macro-parentheses)
