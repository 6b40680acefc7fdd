#include "platform/local_socket.h"

#include <array>
#include <atomic>
#include <thread>
#include <tuple>
#include <utility>

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

/// A raw socket, and what `use` (::bind or ::connect) makes of it at `path`.
template <class Use>
std::pair<int, int> raw_socket(const std::string& path, Use use) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return {fd, use(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address)};
}

/// A client that speaks raw bytes.
int raw_client(const std::string& path) {
  const auto [fd, connected] = raw_socket(path, ::connect);
  EXPECT_EQ(connected, 0);
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

  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(60));
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

/// Standard input is a connection for as long as this lives, as a service manager gives it.
class InputFrom {
 public:
  explicit InputFrom(int fd) : before_(::dup(STDIN_FILENO)) { ::dup2(fd, STDIN_FILENO); }
  InputFrom(const InputFrom&) = delete;
  InputFrom& operator=(const InputFrom&) = delete;
  ~InputFrom() {
    ::dup2(before_, STDIN_FILENO);
    ::close(before_);
  }

 private:
  int before_;
};

/// A process that is given connections: a raw socket, as a service manager holds it.
int raw_listener(const std::string& path) {
  const auto [fd, bound] = raw_socket(path, ::bind);
  EXPECT_EQ(bound, 0);
  EXPECT_EQ(::listen(fd, 1), 0);
  return fd;
}

TEST(LocalSocket, HandsAConnectionOverWithItsPeerAndAMessage) {
  const TempFolder folder;
  Connected pair(folder);
  const int listener = raw_listener(folder / "taker");

  Result<LocalConnection> taker =
      pair.server.hand_over(folder / "taker", as_bytes("restore"), kPatience);
  ASSERT_TRUE(taker) << taker.error().message;
  const int accepted = ::accept(listener, nullptr, nullptr);
  Result<HandedConnection> handed = [&] {
    const InputFrom input(accepted);
    return HandedConnection::take(kCap, kPatience);
  }();
  ::close(accepted);
  ASSERT_TRUE(handed) << handed.error().message;

  EXPECT_EQ(as_text(handed->message), "restore");
  EXPECT_EQ(handed->client.peer().pid, pair.server.peer().pid) << "as when it was made";
  EXPECT_TRUE(handed->client.send(as_bytes("answer"), kPatience));
  EXPECT_EQ(as_text(**pair.client.receive(kCap, kPatience)), "answer");
  EXPECT_TRUE(handed->giver.send(as_bytes("half way"), kPatience));
  EXPECT_EQ(as_text(**taker->receive(kCap, kPatience)), "half way");
  handed = fail(ErrorKind::kCancelled, "the taker ends");
  EXPECT_FALSE(*taker->receive(kCap, kPatience)) << "and its giver notices";
  ::close(listener);
}

TEST(LocalSocket, KeepsAConnectionThatNobodyTakes) {
  const TempFolder folder;
  Connected pair(folder);

  const auto taker = pair.server.hand_over(folder / "nobody", as_bytes("x"), kPatience);

  ASSERT_FALSE(taker);
  EXPECT_EQ(taker.error().kind, ErrorKind::kUnavailable);
  EXPECT_TRUE(pair.server.send(as_bytes("sorry"), kPatience));
  EXPECT_EQ(as_text(**pair.client.receive(kCap, kPatience)), "sorry");
}

TEST(LocalSocket, TakesNothingOutOfAMessageWithoutAConnection) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  ASSERT_EQ(::write(ends[0], "x\x01\0\0\0y", 6), 6);

  const Result<HandedConnection> handed = [&] {
    const InputFrom input(ends[1]);
    return HandedConnection::take(kCap, kPatience);
  }();

  ASSERT_FALSE(handed);
  EXPECT_EQ(handed.error().kind, ErrorKind::kInvalidInput);
  for (const int fd : ends) ::close(fd);
}

TEST(LocalSocket, TakesNothingFromAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "becomes another user";
  const TempFolder folder;
  int theirs = -1;
  const pid_t child = [&] {
    EXPECT_EQ(::chmod(folder.path().c_str(), 0777), 0);
    const pid_t made = ::fork();
    if (made != 0) return made;
    // A listener of the other user: whoever connects sees that one as its peer.
    const bool other = ::setresuid(65534, 65534, 65534) == 0;
    const int listener = raw_listener(folder / "theirs");
    const int accepted = ::accept(listener, nullptr, nullptr);
    ::_exit(other && accepted >= 0 ? 0 : 1);
  }();
  int connected = -1;
  for (int tries = 0; tries < 200 && connected != 0; ++tries) {
    if (theirs >= 0) ::close(theirs);
    std::tie(theirs, connected) = raw_socket(folder / "theirs", ::connect);
    if (connected != 0) std::this_thread::sleep_for(milliseconds(20));
  }
  ASSERT_EQ(connected, 0);

  const Result<HandedConnection> handed = [&] {
    const InputFrom input(theirs);
    return HandedConnection::take(kCap, kPatience);
  }();

  ASSERT_FALSE(handed);
  EXPECT_EQ(handed.error().kind, ErrorKind::kRefused);
  ::close(theirs);
  int status = 0;
  ::waitpid(child, &status, 0);
}

}  // namespace
}  // namespace obhut::platform
