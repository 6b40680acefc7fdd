#include "platform/priority.h"

#include <thread>

#include <gtest/gtest.h>

namespace obhut::platform {
namespace {

TEST(Priority, OfAThreadThatGivesWayGoesToThreadsThatItStarts) {
  bool inherited = false;
  std::jthread([&] {
    const Result<void> done = give_way();
    EXPECT_TRUE(done) << done.error().message;
    EXPECT_TRUE(gives_way());
    std::jthread([&] { inherited = gives_way(); }).join();
  }).join();

  EXPECT_TRUE(inherited);
  EXPECT_FALSE(gives_way()) << "nobody else's";
}

TEST(Priority, GoesToWorkForAnotherThread) {
  bool alone = true;
  bool together = false;
  std::jthread(giving_way_too([&](const std::stop_token&) { alone = gives_way(); })).join();
  std::jthread([&] {
    (void)give_way();
    std::jthread(giving_way_too([&] { together = gives_way(); })).join();
  }).join();

  EXPECT_FALSE(alone);
  EXPECT_TRUE(together);
}

}  // namespace
}  // namespace obhut::platform
