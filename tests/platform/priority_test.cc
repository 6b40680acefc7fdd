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

}  // namespace
}  // namespace obhut::platform
