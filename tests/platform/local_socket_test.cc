#include "platform/local_socket.h"

#include <atomic>
#include <thread>

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/posix_caller.h"
#include "tests/platform/temp_folder.h"

namespace obhut::platform {
namespace {

using std::chrono::milliseconds;
using test::shell;
using test::TempFolder;

constexpr milliseconds kPatience{20'000};
constexpr std::size_t kCap = 1 << 20;

/// A listener with both ends of one connection.
struct Connected {
  explicit Connected(const TempFolder& folder)
      : listener(*LocalListener::listen(folder / "socket", SocketAccess::kOwner)),
        client(*LocalConnection::connect(folder / "socket")),
        server(std::move(**listener.accept({}))) {}
  LocalListener listener;
  LocalConnection client;
  LocalConnection server;
};

/// A client that speaks raw bytes.
int raw_client(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return fd;
}

TEST(LocalSocket, CarriesMessagesBothWays) {
  const TempFolder folder;
  Connected pair(folder);

  EXPECT_TRUE(pair.client.send(as_bytes("question"), kPatience));
  EXPECT_EQ(as_text(**pair.server.receive(kCap, kPatience)), "question");
  EXPECT_TRUE(pair.server.send({}, kPatience));
  EXPECT_TRUE((*pair.client.receive(kCap, kPatience))->empty());
}

TEST(LocalSocket, CarriesMessagesLargerThanTheKernelBuffers) {
  const TempFolder folder;
  Connected pair(folder);
  const Bytes large(8 << 20, 'L');
  std::jthread sender([&] { EXPECT_TRUE(pair.client.send(large, kPatience)); });

  EXPECT_EQ(**pair.server.receive(large.size(), kPatience), large);
}

TEST(LocalSocket, KnowsItsPeer) {
  const TempFolder folder;
  const Connected pair(folder);

  for (const Peer* peer : {&pair.server.peer(), &pair.client.peer()}) {
    EXPECT_EQ(peer->uid, ::geteuid());
    EXPECT_EQ(peer->gid, ::getegid());
    EXPECT_EQ(peer->pid, ::getpid());
    EXPECT_EQ(peer->administrator, ::geteuid() == 0);
    EXPECT_FALSE(peer->account.empty());
  }
}

TEST(LocalSocket, KnowsAPeerThatIsAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  const TempFolder folder;
  ASSERT_TRUE(shell(folder.path(), "chmod 0755 ."));
  LocalListener open = *LocalListener::listen(folder / "open", SocketAccess::kEveryone);
  LocalListener closed = *LocalListener::listen(folder / "closed", SocketAccess::kOwner);
  const pid_t child = ::fork();
  if (child == 0) {
    const gid_t group = 4343;
    if (::setgroups(1, &group) != 0 || ::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(1);
    if (LocalConnection::connect(folder / "closed")) ::_exit(2);
    Result<LocalConnection> connection = LocalConnection::connect(folder / "open");
    ::_exit(connection && connection->receive(kCap, kPatience) ? 0 : 3);
  }

  Result<std::optional<LocalConnection>> server = open.accept({});
  ASSERT_TRUE(server && *server);
  EXPECT_EQ((*server)->peer().uid, 65534U);
  EXPECT_EQ((*server)->peer().pid, child);
  EXPECT_FALSE((*server)->peer().administrator);
  ASSERT_NE((*server)->peer().caller, nullptr);
  EXPECT_EQ((*server)->peer().caller->state().uid, 65534U);
  EXPECT_EQ((*server)->peer().caller->state().groups, std::vector<gid_t>{4343});
  EXPECT_TRUE((*server)->send(as_bytes("hello"), kPatience));
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(LocalSocket, TellsACleanEndFromATornMessage) {
  const TempFolder folder;
  LocalListener listener = *LocalListener::listen(folder / "socket", SocketAccess::kOwner);
  const int clean = raw_client(folder / "socket");
  LocalConnection first = std::move(**listener.accept({}));
  ::close(clean);
  const Result<std::optional<Bytes>> end = first.receive(kCap, kPatience);
  ASSERT_TRUE(end);
  EXPECT_FALSE(*end);

  for (const std::string& torn :
       {std::string("\x05"), std::string("\x05\0\0", 3), std::string("\x05\0\0\0ab", 6)}) {
    const int fd = raw_client(folder / "socket");
    LocalConnection server = std::move(**listener.accept({}));
    ASSERT_EQ(::write(fd, torn.data(), torn.size()), static_cast<ssize_t>(torn.size()));
    ::close(fd);

    EXPECT_EQ(server.receive(kCap, kPatience).error().kind, ErrorKind::kUnavailable);
  }
}

TEST(LocalSocket, RefusesLengthsAboveTheCapWithoutAllocating) {
  const TempFolder folder;
  LocalListener listener = *LocalListener::listen(folder / "socket", SocketAccess::kOwner);
  for (const std::string& head :
       {std::string("\xff\xff\xff\xff", 4), std::string("\x01\x00\x10\x00", 4)}) {
    const int fd = raw_client(folder / "socket");
    LocalConnection server = std::move(**listener.accept({}));
    ASSERT_EQ(::write(fd, head.data(), head.size()), 4);

    EXPECT_EQ(server.receive(kCap, kPatience).error().kind, ErrorKind::kInvalidInput);
    ::close(fd);
  }
}

TEST(LocalSocket, GivesUpOnASilentPeerAndOnOneThatDripsBytes) {
  const TempFolder folder;
  Connected pair(folder);
  EXPECT_EQ(pair.server.receive(kCap, milliseconds(30)).error().kind, ErrorKind::kTimeout);

  const int fd = raw_client(folder / "socket");
  LocalConnection server = std::move(**pair.listener.accept({}));
  std::jthread dripper([fd](const std::stop_token& stop) {
    while (!stop.stop_requested() && ::send(fd, "\x01", 1, MSG_NOSIGNAL) == 1) ::usleep(10'000);
  });
  const auto began = std::chrono::steady_clock::now();

  EXPECT_FALSE(server.receive(0xffffffff, milliseconds(200)));

  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
  dripper.request_stop();
  dripper.join();
  ::close(fd);
}

TEST(LocalSocket, GivesUpOnAPeerThatDoesNotRead) {
  const TempFolder folder;
  Connected pair(folder);

  EXPECT_EQ(pair.client.send(Bytes(32 << 20), milliseconds(50)).error().kind, ErrorKind::kTimeout);
}

TEST(LocalSocket, TellsThatThePeerHasGoneInsteadOfDying) {
  const TempFolder folder;
  Connected pair(folder);
  { const LocalConnection gone = std::move(pair.server); }

  EXPECT_EQ(pair.client.send(Bytes(1 << 20), kPatience).error().kind, ErrorKind::kUnavailable);
}

TEST(LocalSocket, StopsWaitingWhenAsked) {
  const TempFolder folder;
  Connected pair(folder);
  std::stop_source stop;
  std::jthread asker([&] {
    ::usleep(30'000);
    stop.request_stop();
  });

  const Result<std::optional<LocalConnection>> none = pair.listener.accept(stop.get_token());
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
  EXPECT_EQ(pair.client.receive(kCap, kPatience, stop.get_token()).error().kind,
            ErrorKind::kCancelled);
}

TEST(LocalListener, SetsTheModeOfItsSocket) {
  const TempFolder folder;
  const Result<LocalListener> everyone =
      LocalListener::listen(folder / "a", SocketAccess::kEveryone);
  const Result<LocalListener> owner = LocalListener::listen(folder / "b", SocketAccess::kOwner);

  EXPECT_EQ(status_of_path(folder / "a")->mode, 0666U);
  EXPECT_EQ(status_of_path(folder / "b")->mode, 0600U);
}

TEST(LocalListener, ReplacesADeadSocketButNothingElse) {
  const TempFolder folder;
  const std::string path = folder / "socket";
  {
    const pid_t child = ::fork();
    if (child == 0) {
      const Result<LocalListener> left = LocalListener::listen(path, SocketAccess::kOwner);
      ::_exit(left ? 0 : 1);  // without its destructors: the socket stays
    }
    ::waitpid(child, nullptr, 0);
    ASSERT_TRUE(exists(path));
  }
  Result<LocalListener> listener = LocalListener::listen(path, SocketAccess::kOwner);
  ASSERT_TRUE(listener) << listener.error().message;

  EXPECT_EQ(LocalListener::listen(path, SocketAccess::kOwner).error().kind, ErrorKind::kConflict);
  EXPECT_TRUE(LocalConnection::connect(path)) << "the first one still serves";

  folder.write("file", "precious");
  EXPECT_EQ(LocalListener::listen(folder / "file", SocketAccess::kOwner).error().kind,
            ErrorKind::kRefused);
  EXPECT_EQ(folder.read("file"), "precious");
}

TEST(LocalListener, RefusesAFolderThatOthersMayWriteTo) {
  const TempFolder folder;
  ASSERT_TRUE(
      shell(folder.path(), "mkdir -m 0777 open && mkdir -m 0777 sticky && chmod 1777 sticky"));

  for (const char* path : {"open/s", "sticky/s"}) {
    EXPECT_EQ(LocalListener::listen(folder / path, SocketAccess::kOwner).error().kind,
              ErrorKind::kRefused);
  }
  if (::geteuid() == 0) {
    ASSERT_TRUE(shell(folder.path(), "mkdir theirs && chown 65534 theirs"));
    EXPECT_FALSE(LocalListener::listen(folder / "theirs/s", SocketAccess::kOwner));
  }
}

TEST(LocalListener, TakesItsSocketAway) {
  const TempFolder folder;
  { const auto listener = LocalListener::listen(folder / "socket", SocketAccess::kOwner); }

  EXPECT_FALSE(exists(folder / "socket"));
  EXPECT_EQ(LocalConnection::connect(folder / "socket").error().kind, ErrorKind::kUnavailable);
}

TEST(LocalListener, RefusesPathsTooLongForASocket) {
  EXPECT_EQ(
      LocalListener::listen("/tmp/" + std::string(200, 'x'), SocketAccess::kOwner).error().kind,
      ErrorKind::kInvalidInput);
}

}  // namespace
}  // namespace obhut::platform
