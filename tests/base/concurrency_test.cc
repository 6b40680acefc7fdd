#include <algorithm>
#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "agent/base/clock.h"
#include "agent/base/guarded.h"
#include "agent/base/pause_gate.h"
#include "agent/base/queue.h"

namespace obhut {
namespace {

TEST(BoundedQueue, HandsOutInOrderAndEndsWhenClosed) {
  BoundedQueue<int> queue(3);
  EXPECT_TRUE(queue.push(1, {}));
  EXPECT_TRUE(queue.push(2, {}));
  queue.close();

  EXPECT_FALSE(queue.push(3, {}));
  EXPECT_EQ(queue.pop({}), 1);
  EXPECT_EQ(queue.pop({}), 2);
  EXPECT_EQ(queue.pop({}), std::nullopt);
}

TEST(BoundedQueue, LosesNothingBetweenManyThreads) {
  constexpr int kEach = 2000;
  BoundedQueue<int> queue(8);
  Guarded<std::vector<int>> got;
  {
    std::vector<std::jthread> poppers;
    for (int t = 0; t < 3; ++t) {
      poppers.emplace_back([&] {
        while (const std::optional<int> value = queue.pop({})) {
          got.with([&](std::vector<int>& values) { values.push_back(*value); });
        }
      });
    }
    {
      std::vector<std::jthread> pushers;
      for (int t = 0; t < 3; ++t) {
        pushers.emplace_back([&, t] {
          for (int i = 0; i < kEach; ++i) EXPECT_TRUE(queue.push(t * kEach + i, {}));
        });
      }
    }
    queue.close();
  }

  got.with([&](std::vector<int>& values) {
    std::ranges::sort(values);
    std::vector<int> expected(3 * kEach);
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(values, expected);
  });
}

TEST(BoundedQueue, WakesWhoeverWaitsWhenAskedToStop) {
  BoundedQueue<int> empty(1);
  BoundedQueue<int> full(1);
  ASSERT_TRUE(full.push(1, {}));
  std::stop_source stop;
  std::jthread popper([&] { EXPECT_EQ(empty.pop(stop.get_token()), std::nullopt); });
  std::jthread pusher([&] { EXPECT_FALSE(full.push(2, stop.get_token())); });

  stop.request_stop();

  popper.join();
  pusher.join();
  EXPECT_EQ(full.size(), 1U);
}

TEST(PauseGate, HoldsWhoeverComesUntilItOpens) {
  PauseGate gate;
  EXPECT_TRUE(gate.wait({}));
  gate.pause();
  std::atomic<int> passed = 0;
  std::vector<std::jthread> comers;
  for (int i = 0; i < 3; ++i) {
    comers.emplace_back([&] {
      EXPECT_TRUE(gate.wait({}));
      EXPECT_FALSE(gate.paused()) << "passed a closed gate";
      ++passed;
    });
  }
  EXPECT_EQ(passed, 0);

  gate.resume();

  comers.clear();
  EXPECT_EQ(passed, 3);
}

TEST(PauseGate, LetsGoOfWhoeverIsAskedToStop) {
  PauseGate gate;
  gate.pause();
  std::stop_source stop;
  std::jthread comer([&] { EXPECT_FALSE(gate.wait(stop.get_token())); });

  stop.request_stop();

  comer.join();
  EXPECT_TRUE(gate.paused());
}

TEST(SystemClock, WakesWhenAskedToStop) {
  SystemClock clock;
  std::stop_source stop;
  stop.request_stop();

  EXPECT_FALSE(clock.sleep_for(std::chrono::hours(1), stop.get_token()));
}

}  // namespace
}  // namespace obhut
