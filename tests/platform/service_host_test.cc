#include "platform/service_host.h"

#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "platform/posix.h"
#include "tests/platform/temp_folder.h"

namespace obhut::platform {
namespace {

using std::chrono::milliseconds;

/// The service manager's end.
class ServiceHostTest : public testing::Test {
 protected:
  void SetUp() override {
    socket_ = posix::handle_of(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    path_.copy(at.sun_path, sizeof at.sun_path - 1);
    ASSERT_EQ(::bind(posix::fd_of(socket_), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
    const timeval patience{10, 0};
    ::setsockopt(posix::fd_of(socket_), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setenv("NOTIFY_SOCKET", path_.c_str(), 1);
  }
  void TearDown() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
  }

  std::string told() {
    std::string message(100, '\0');
    const ssize_t length = ::recv(posix::fd_of(socket_), message.data(), message.size(), 0);
    message.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
    return message;
  }
  bool told_more_within(milliseconds time) {
    std::this_thread::sleep_for(time);
    char byte = 0;
    return ::recv(posix::fd_of(socket_), &byte, 1, MSG_DONTWAIT | MSG_PEEK) >= 0;
  }

  test::TempFolder folder_;
  std::string path_ = folder_.path() + "/notify";
  Handle socket_;
};

TEST_F(ServiceHostTest, IsNoneWhereNobodyNotifies) {
  ::unsetenv("NOTIFY_SOCKET");

  EXPECT_FALSE(run_as_service("Obhut", [](ServiceHost&) { return 0; }));
}

TEST_F(ServiceHostTest, TellsWhenAllIsInPlaceAndWhenItEnds) {
  const auto code = run_as_service("Obhut", [&](ServiceHost& host) {
    host.started();
    EXPECT_EQ(told(), "READY=1");
    ::kill(::getpid(), SIGTERM);
    while (!host.stop().stop_requested()) std::this_thread::yield();
    EXPECT_EQ(told(), "STOPPING=1");
    return 7;
  });

  EXPECT_EQ(code, 7);
  EXPECT_EQ(std::getenv("NOTIFY_SOCKET"), nullptr) << "what we start must not speak in our name";
}

TEST_F(ServiceHostTest, GivesSignsOfLifeForAsLongAsItIsAlive) {
  ::setenv("WATCHDOG_USEC", "40000", 1);
  std::atomic<bool> alive{true};

  run_as_service("Obhut", [&](ServiceHost& host) {
    host.watch([&] { return alive.load(); });
    host.started();
    EXPECT_EQ(told(), "READY=1");
    EXPECT_EQ(told(), "WATCHDOG=1");
    EXPECT_EQ(told(), "WATCHDOG=1");
    alive = false;
    while (told_more_within(milliseconds(60))) static_cast<void>(told());
    return 0;
  });
}

TEST_F(ServiceHostTest, GivesNoneWhereTheyAreAnothersToGive) {
  ::setenv("WATCHDOG_USEC", "40000", 1);
  ::setenv("WATCHDOG_PID", "1", 1);

  run_as_service("Obhut", [&](ServiceHost& host) {
    host.started();
    EXPECT_EQ(told(), "READY=1");
    EXPECT_FALSE(told_more_within(milliseconds(100)));
    return 0;
  });
}

}  // namespace
}  // namespace obhut::platform
