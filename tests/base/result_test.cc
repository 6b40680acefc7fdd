#include "agent/base/result.h"

#include <set>

#include <gtest/gtest.h>

namespace obhut {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) return fail(ErrorKind::kInvalidInput, "odd");
  return value / 2;
}
Result<int> quarter(int value) {
  ASSIGN_OR_RETURN(const int once, half(value));
  TRY(half(once));
  return half(once);
}

TEST(Result, LeavesWithTheFirstError) {
  EXPECT_EQ(quarter(8), 2);
  EXPECT_FALSE(quarter(7));
  EXPECT_FALSE(quarter(6));
}

TEST(Error, GainsContextOnTheWayUp) {
  const Error error = Error{ErrorKind::kCrypto, "tag mismatch"}.within("seal a.txt");

  EXPECT_EQ(error.message, "seal a.txt: tag mismatch");
  EXPECT_EQ(error.kind, ErrorKind::kCrypto);
}

TEST(ErrorKinds, HaveOneDispositionEach) {
  for (const ErrorKind kind :
       {ErrorKind::kUnavailable, ErrorKind::kTimeout, ErrorKind::kThrottled}) {
    EXPECT_EQ(disposition_of(kind), Disposition::kRetry);
  }
  for (const ErrorKind kind : {ErrorKind::kSourceGone, ErrorKind::kSourceDenied,
                               ErrorKind::kSourceBusy, ErrorKind::kUnsupported}) {
    EXPECT_EQ(disposition_of(kind), Disposition::kSkipEntry);
  }
  for (const ErrorKind kind :
       {ErrorKind::kNotFound, ErrorKind::kCorrupt, ErrorKind::kCrypto, ErrorKind::kRefused,
        ErrorKind::kQuotaExceeded, ErrorKind::kInvalidInput}) {
    EXPECT_EQ(disposition_of(kind), Disposition::kStopJob);
  }
  EXPECT_EQ(disposition_of(ErrorKind::kCancelled), Disposition::kStopQuiet);
}

TEST(ErrorKinds, HaveWordsOfTheirOwn) {
  std::set<std::string_view> words;
  for (int kind = 0; kind <= static_cast<int>(ErrorKind::kInternal); ++kind) {
    words.insert(to_string(static_cast<ErrorKind>(kind)));
  }
  EXPECT_EQ(words.size(), static_cast<std::size_t>(ErrorKind::kInternal) + 1);
}

}  // namespace
}  // namespace obhut
