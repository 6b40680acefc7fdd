// The time left, where there is ground for it, and silence where there is none.

#include "agent/model/progress_meter.h"

#include <algorithm>
#include <functional>

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace obhut::model {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kMB = 1'000'000;

/// A job of large files that are read at a speed of so many bytes a second.
class Meter : public testing::Test {
 protected:
  Meter() {
    job_.job = "backup";
    job_.phase = "reading";
  }

  void expect_total(std::uint64_t bytes, TotalsKind kind = TotalsKind::kExpected) {
    job_.totals = kind;
    job_.files_total = 100;
    job_.bytes_total = bytes;
  }

  /// Looks five times a second for `time` while bytes come at `speed`.
  ProgressEstimate run(seconds time, std::uint64_t speed,
                       const std::function<void(const ProgressEstimate&)>& each = {}) {
    ProgressEstimate last;
    for (int i = 0; i < time.count() * 5; ++i) {
      clock_.advance(milliseconds(200));
      job_.bytes_done += speed / 5;
      job_.read_bytes += speed / 5;
      job_.files_done = job_.bytes_total > 0
                            ? std::min(job_.files_total, 100 * job_.bytes_done / job_.bytes_total)
                            : 0;
      last = meter_.look(job_);
      if (each) each(last);
    }
    return last;
  }

  tests::FakeClock clock_;
  ProgressMeter meter_{clock_};
  JobProgress job_;
};

TEST_F(Meter, TellsTheRateOfTheLastSeconds) {
  EXPECT_NEAR(static_cast<double>(run(seconds(10), 100 * kMB).bytes_per_second), 100e6, 1e6);
  EXPECT_NEAR(static_cast<double>(run(seconds(20), 10 * kMB).bytes_per_second), 10e6, 1e6);
  EXPECT_EQ(run(seconds(120), 0).bytes_per_second, 0u);
}

TEST_F(Meter, TellsTheRateToWhoLooksOnce) {
  clock_.advance(seconds(10));
  job_.read_bytes = 50 * kMB;

  EXPECT_NEAR(static_cast<double>(meter_.look(job_).bytes_per_second), 5e6, 1e4);
}

TEST_F(Meter, SaysNothingOfTheTimeLeftWithoutGround) {
  const auto no_word = [](const ProgressEstimate& at) {
    EXPECT_FALSE(at.left);
    EXPECT_FALSE(at.percent);
  };
  run(seconds(30), 10 * kMB, no_word);
  expect_total(1000 * kMB, TotalsKind::kAtLeast);
  run(seconds(30), 10 * kMB, no_word);
}

TEST_F(Meter, SaysNothingInTheFirstSecondsAndTheTruthAfterwards) {
  expect_total(1000 * kMB);
  EXPECT_FALSE(run(seconds(2), 10 * kMB).left);

  const ProgressEstimate at = run(seconds(8), 10 * kMB);

  ASSERT_TRUE(at.left);
  EXPECT_NEAR(static_cast<double>(at.left->count()), 90, 2);
  EXPECT_NEAR(*at.percent, 10, 1);
}

// A hundredth of a long run takes minutes; nobody should wait for a word as long.
TEST_F(Meter, WaitsSomeSecondsForAWordOnAVeryLongRun) {
  expect_total(1'000'000 * kMB);
  EXPECT_FALSE(run(seconds(18), 10 * kMB).left);
  EXPECT_TRUE(run(seconds(4), 10 * kMB).left);
}

TEST_F(Meter, NeverJumps) {
  expect_total(10'000 * kMB);
  run(seconds(20), 100 * kMB);
  double before = 80;
  const auto smooth = [&](const ProgressEstimate& at) {
    ASSERT_TRUE(at.left);
    const double now = static_cast<double>(at.left->count());
    EXPECT_LT(std::abs(now - before), 2 + before * 0.06);
    before = now;
  };

  run(seconds(1), 100 * kMB, smooth);
  run(seconds(1), 1000 * kMB, smooth);  // a burst
  run(seconds(2), 0, smooth);           // a stall
  run(seconds(5), 100 * kMB, smooth);
}

TEST_F(Meter, IsNeverNegativeNorThroughBeforeTheEnd) {
  expect_total(1000 * kMB);
  run(seconds(20), 60 * kMB, [](const ProgressEstimate& at) {
    EXPECT_LE(at.percent.value_or(0), 99u);
    EXPECT_GE(at.left.value_or(seconds(1)).count(), 1);
  });
  job_.phase = kDonePhase;

  const ProgressEstimate at = meter_.look(job_);

  EXPECT_EQ(at.percent, 100u);
  EXPECT_EQ(at.left, seconds(0));
}

TEST_F(Meter, ForgetsWhatItThoughtWhereTheTotalsAreNoneAnyMore) {
  expect_total(1000 * kMB);
  ASSERT_TRUE(run(seconds(10), 10 * kMB).left);
  job_.totals = TotalsKind::kAtLeast;

  EXPECT_FALSE(run(seconds(1), 10 * kMB).left);
}

TEST_F(Meter, DoesNotCountAPause) {
  expect_total(1000 * kMB);
  const ProgressEstimate before = run(seconds(10), 10 * kMB);
  job_.paused = true;
  EXPECT_FALSE(run(seconds(3600), 0).left);
  job_.paused = false;

  const ProgressEstimate after = run(seconds(1), 10 * kMB);

  ASSERT_TRUE(after.left);
  EXPECT_NEAR(static_cast<double>(after.left->count()), static_cast<double>(before.left->count()),
              3);
  EXPECT_GT(after.bytes_per_second, 8 * kMB);
}

// Where most is unchanged, most bytes cost nothing: they must not be waited for.
TEST_F(Meter, DoesNotWaitForBytesThatNeedNoReading) {
  job_.totals = TotalsKind::kExpected;
  job_.files_total = 1'000'000;
  job_.bytes_total = 1'000'000 * kMB;
  for (int i = 0; i < 50; ++i) {
    clock_.advance(milliseconds(200));
    job_.files_done += 10'000;
    job_.bytes_done += 10'000 * kMB;
    job_.read_bytes += 10'000;
    meter_.look(job_);
  }

  const ProgressEstimate at = meter_.look(job_);

  ASSERT_TRUE(at.left);
  EXPECT_NEAR(static_cast<double>(at.left->count()), 10, 1);
}

// A file that is read anew takes back what it had told.
TEST_F(Meter, TakesARetryForNoProgress) {
  expect_total(1000 * kMB);
  run(seconds(10), 10 * kMB);
  job_.bytes_done -= 50 * kMB;
  job_.read_bytes -= 50 * kMB;

  const ProgressEstimate at = run(seconds(1), 10 * kMB);

  EXPECT_GT(at.left->count(), 85);
  EXPECT_LE(at.bytes_per_second, 11 * kMB);
}

TEST_F(Meter, BeginsAnewWithAPhase) {
  expect_total(1000 * kMB);
  ASSERT_TRUE(run(seconds(10), 10 * kMB).left);
  job_.phase = "committing";

  EXPECT_FALSE(run(seconds(1), 0).left);
}

}  // namespace
}  // namespace obhut::model
