#include "agent/wire/upload_pace.h"

#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace obhut::wire {
namespace {

using namespace std::chrono_literals;
using std::chrono::duration;
using std::chrono::steady_clock;
using tests::FakeClock;
using Transfer = UploadPace::Transfer;

/// When how many bytes went.
using Sent = std::vector<std::pair<steady_clock::time_point, std::size_t>>;

/// Sends `bytes` as the pace allows; each step of the way takes `line` beside.
Sent send(Pace& pace, FakeClock& clock, std::size_t bytes, steady_clock::duration line = 0s) {
  Sent sent;
  while (bytes > 0) {
    const Pace::Slice slice = pace.next(std::min<std::size_t>(bytes, 64U << 10U));
    clock.sleep_for(slice.wait, {});
    if (slice.bytes == 0) continue;
    sent.emplace_back(clock.steady(), slice.bytes);
    bytes -= slice.bytes;
    clock.sleep_for(line, {});
  }
  return sent;
}

/// The most that went within `window`, as a part of what may.
double fullest(const Sent& sent, steady_clock::duration window, double limit) {
  double most = 0;
  for (auto from = sent.begin(); from != sent.end(); ++from) {
    double sum = 0;
    for (auto at = from; at != sent.end() && at->first < from->first + window; ++at) {
      sum += static_cast<double>(at->second);
    }
    most = std::max(most, sum);
  }
  return most / (limit * duration<double>(window).count());
}

TEST(UploadPace, HoldsEveryLimitToTheSliceAndUsesItUp) {
  for (const std::uint64_t limit : {8'000U, 125'000U, 1'250'000U, 12'500'000U}) {
    FakeClock clock;
    UploadPace pace(clock, [&] { return limit; });
    const auto transfer = *pace.begin({});
    const auto begun = clock.steady();

    const Sent sent = send(*transfer, clock, limit * 20);

    const double took = duration<double>(clock.steady() - begun).count();
    EXPECT_NEAR(took, 20, 0.01) << limit;
    EXPECT_LE(fullest(sent, 5s, static_cast<double>(limit)), 1.05) << limit;
  }
}

// A thread that wakes up late, a server that thinks between two transfers.
TEST(UploadPace, MakesUpForShortDelaysAndNotForLongOnes) {
  FakeClock clock;
  UploadPace pace(clock, [] { return 1'000'000U; });
  const auto transfer = *pace.begin({});
  const auto begun = clock.steady();
  ASSERT_FALSE(send(*transfer, clock, 5'000'000, 20ms).empty());
  const double delayed = duration<double>(clock.steady() - begun).count();

  clock.advance(60s);
  const Sent after = send(*transfer, clock, 10'000'000);

  EXPECT_NEAR(delayed, 5, 0.1) << "what the line took was made up for";
  EXPECT_LE(fullest(after, 5s, 1'000'000), 1.05);
  EXPECT_LE(fullest(after, 1s, 1'000'000), 1.2);
}

TEST(UploadPace, LetsAllGoAtOnceWithoutALimit) {
  FakeClock clock;
  UploadPace pace(clock, [] { return 0U; });
  const auto transfer = *pace.begin({});

  const Pace::Slice slice = transfer->next(1'000'000);

  EXPECT_EQ(slice.bytes, 1'000'000U);
  EXPECT_EQ(slice.wait, 0s);
  EXPECT_EQ(clock.sleeps(), 0U);
}

// Windows by time of day open and close while a pack is on its way.
TEST(UploadPace, TakesUpANewLimitWithinASecond) {
  FakeClock clock;
  std::uint64_t limit = 8'000;
  UploadPace pace(clock, [&] { return limit; });
  const auto transfer = *pace.begin({});
  send(*transfer, clock, 16'000);

  limit = 10'000'000;
  auto begun = clock.steady();
  send(*transfer, clock, 10'000'000);
  EXPECT_LE(duration<double>(clock.steady() - begun).count(), 2);

  limit = 0;
  begun = clock.steady();
  send(*transfer, clock, 100'000'000);
  EXPECT_LE(duration<double>(clock.steady() - begun).count(), 1);

  limit = 8'000;
  clock.advance(1s);
  begun = clock.steady();
  send(*transfer, clock, 80'000);
  EXPECT_NEAR(duration<double>(clock.steady() - begun).count(), 10, 0.5);
}

TEST(UploadPace, DividesTheLimitEvenlyAmongTransfers) {
  FakeClock clock;
  UploadPace pace(clock, [] { return 1'000'000U; });
  const auto first = *pace.begin({});
  const auto second = *pace.begin({});
  std::map<Transfer*, std::size_t> sent;
  std::map<Transfer*, steady_clock::time_point> asks_at;
  const auto begun = clock.steady();

  // Each asks when what it was given last has had its time.
  while (clock.steady() < begun + 10s) {
    Transfer* next = asks_at[first.get()] <= asks_at[second.get()] ? first.get() : second.get();
    if (asks_at[next] > clock.steady()) clock.sleep_for(asks_at[next] - clock.steady(), {});
    const Pace::Slice slice = next->next(65'536);
    sent[next] += slice.bytes;
    asks_at[next] = clock.steady() + slice.wait;
  }

  EXPECT_NEAR(static_cast<double>(sent[first.get()]), 5e6, 2e5);
  EXPECT_NEAR(static_cast<double>(sent[second.get()]), 5e6, 2e5);
}

// Two uploads at 64 kbit/s would both be too slow for the least rate that servers ask for.
TEST(UploadPace, LetsOneTransferAtATimeUseASlowLimit) {
  FakeClock clock;
  UploadPace pace(clock, [] { return 8'000U; });
  auto first = *pace.begin({});
  std::stop_source stop;
  stop.request_stop();

  const auto refused = pace.begin(stop.get_token());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kCancelled);

  first.reset();
  EXPECT_TRUE(pace.begin({}));
}

TEST(UploadPace, PausesTheYoungestWhenTheLimitFalls) {
  FakeClock clock;
  std::uint64_t limit = 10'000'000;
  UploadPace pace(clock, [&] { return limit; });
  auto first = *pace.begin({});
  const auto second = *pace.begin({});
  ASSERT_GT(second->next(1'000).bytes, 0U);

  limit = 8'000;
  clock.advance(1s);

  EXPECT_EQ(second->next(1'000).bytes, 0U);
  EXPECT_GT(first->next(1'000).bytes, 0U);
  first.reset();
  EXPECT_GT(second->next(1'000).bytes, 0U);
}

}  // namespace
}  // namespace obhut::wire
