#include <algorithm>
#include <array>
#include <cstring>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/base/text.h"
#include "platform/filesystem.h"
#include "platform/local_files.h"
#include "platform/local_socket_half.h"
#include "platform/os_error.h"
#include "platform/posix.h"
#include "platform/posix_caller.h"
#include "platform/stop_waker.h"

namespace obhut::platform {

using posix::fd_of;
using posix::handle_of;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

std::unexpected<Error> os_failure(std::string_view action, std::string_view path) {
  return std::unexpected(os_error(errno, Whose::kOurs, action, path));
}

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return fail(ErrorKind::kInvalidInput,
                "socket " + printable(path) + ": the path must have 1 to " +
                    std::to_string(sizeof address.sun_path - 1) + " bytes");
  }
  std::ranges::copy(path, address.sun_path);
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

Result<std::vector<gid_t>> groups_of_peer(const Handle& socket) {
  std::vector<gid_t> groups(64);
  for (;;) {
    auto size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    const bool done =
        ::getsockopt(fd_of(socket), SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) == 0;
    if (!done && errno != ERANGE) return os_failure("ask who is on", "the socket");
    groups.resize(size / sizeof(gid_t));
    if (done) return groups;
  }
}

Result<Peer> peer_of(const Handle& socket) {
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(fd_of(socket), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) {
    return os_failure("ask who is on", "the socket");
  }
  Peer peer;
  peer.uid = who.uid;
  peer.gid = who.gid;
  peer.pid = who.pid;
  peer.account = AccountNames().user(who.uid);
  if (peer.account.empty()) peer.account = std::to_string(who.uid);
  peer.administrator = who.uid == 0;
  ASSIGN_OR_RETURN(std::vector<gid_t> groups, groups_of_peer(socket));
  peer.caller = caller_of(who.uid, who.gid, std::move(groups));
  return peer;
}

/// Waits until `fd` is ready for `events`.
Result<void> await(int fd, short events, steady_clock::time_point deadline,
                   const posix::StopWaker& waker) {
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    if (left <= milliseconds::zero()) return std::unexpected(socket_half::peer_silent());
    std::array<pollfd, 2> watched{{{fd, events, 0}, {waker.fd(), POLLIN, 0}}};
    constexpr std::int64_t kLongest = 3'600'000;
    const int ready = ::poll(watched.data(), watched.size(),
                             static_cast<int>(std::min<std::int64_t>(left.count(), kLongest)));
    if (ready < 0 && errno != EINTR) return os_failure("wait for", "the socket");
    if (ready <= 0) continue;
    if (watched[1].revents != 0) return fail(ErrorKind::kCancelled, "local socket");
    return {};
  }
}

/// The folder decides who may put a socket in our place.
Result<void> check_folder(const std::string& path) {
  const std::string folder = parent_of(path);
  struct stat found {};
  if (::stat(folder.c_str(), &found) != 0) return os_failure("stat", folder);
  const bool ours = found.st_uid == 0 || found.st_uid == ::geteuid();
  if (S_ISDIR(found.st_mode) && ours && (found.st_mode & 022U) == 0) return {};
  return fail(ErrorKind::kRefused, "socket " + printable(path) + ": folder " + printable(folder) +
                                       " may be written to by others; make it 0755 and ours");
}

/// Makes room at `path`: only a dead socket of ours is taken away.
Result<void> remove_dead_socket(const std::string& path, const sockaddr_un& address) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return {};
    return os_failure("stat", path);
  }
  if (!S_ISSOCK(found.st_mode) || found.st_uid != ::geteuid()) {
    return fail(ErrorKind::kRefused, "socket " + printable(path) +
                                         ": something that is not our socket is there already");
  }
  const Handle probe = handle_of(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe.valid()) return os_failure("make socket", path);
  const int answer = ::connect(fd_of(probe), generic(address), sizeof address);
  if (answer == 0 || errno == EAGAIN) {
    return fail(ErrorKind::kConflict,
                "socket " + printable(path) + ": another process serves it already");
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return os_failure("remove", path);
  return {};
}

}  // namespace

Result<std::size_t> socket_half::read_full(const Handle& socket, MutableByteView into,
                                           Deadline deadline, const std::stop_token& stop) {
  const posix::StopWaker waker(stop);
  const int fd = fd_of(socket);
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t got = posix::retry(
        [&] { return ::recv(fd, into.data() + done, into.size() - done, MSG_DONTWAIT); });
    if (got > 0) {
      done += static_cast<std::size_t>(got);
    } else if (got == 0 || errno == ECONNRESET) {
      return done;
    } else if (errno == EAGAIN) {
      TRY(await(fd, POLLIN, deadline, waker));
    } else {
      return os_failure("read from", "the socket");
    }
  }
  return done;
}

Result<void> socket_half::write_full(const Handle& socket, ByteView bytes, Deadline deadline,
                                     const std::stop_token& stop) {
  const posix::StopWaker waker(stop);
  while (!bytes.empty()) {
    const ssize_t sent = posix::retry([&] {
      return ::send(fd_of(socket), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    });
    if (sent >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      TRY(await(fd_of(socket), POLLOUT, deadline, waker));
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return std::unexpected(peer_gone());
    } else {
      return os_failure("write to", "the socket");
    }
  }
  return {};
}

Result<LocalConnection> LocalConnection::connect(const std::string& path) {
  ASSIGN_OR_RETURN(const sockaddr_un address, address_of(path));
  Handle socket = handle_of(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return os_failure("make socket", path);
  if (posix::retry([&] { return ::connect(fd_of(socket), generic(address), sizeof address); }) !=
      0) {
    if (errno == ENOENT || errno == ECONNREFUSED) {
      return fail(ErrorKind::kUnavailable, "connect to " + printable(path) + ": nobody listens");
    }
    return os_failure("connect to", path);
  }
  ASSIGN_OR_RETURN(Peer peer, peer_of(socket));
  return LocalConnection(std::move(socket), std::move(peer));
}

namespace {

bool is_ours(const Peer& peer) {
  return peer.uid == 0 || peer.uid == ::geteuid();
}

/// What a descriptor travels in: a message of one byte, beside which it lies.
struct Parcel {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room{};
  char byte = 0;
  iovec content{&byte, 1};
  msghdr message{};

  Parcel() {
    message.msg_iov = &content;
    message.msg_iovlen = 1;
    message.msg_control = room.data();
    message.msg_controllen = room.size();
  }
  Parcel(const Parcel&) = delete;
  Parcel& operator=(const Parcel&) = delete;
};

Result<void> send_descriptor(int through, int descriptor) {
  Parcel parcel;
  cmsghdr* const label = CMSG_FIRSTHDR(&parcel.message);
  label->cmsg_level = SOL_SOCKET;
  label->cmsg_type = SCM_RIGHTS;
  label->cmsg_len = CMSG_LEN(sizeof descriptor);
  std::memcpy(CMSG_DATA(label), &descriptor, sizeof descriptor);
  if (posix::retry([&] { return ::sendmsg(through, &parcel.message, MSG_NOSIGNAL); }) == 1) {
    return {};
  }
  return os_failure("hand over", "a connection");
}

Result<Handle> receive_descriptor(int through, steady_clock::time_point deadline) {
  TRY(await(through, POLLIN, deadline, posix::StopWaker(std::stop_token())));
  Parcel parcel;
  const ssize_t got =
      posix::retry([&] { return ::recvmsg(through, &parcel.message, MSG_CMSG_CLOEXEC); });
  if (got < 0) return os_failure("take over", "a connection");
  const cmsghdr* const label = CMSG_FIRSTHDR(&parcel.message);
  if (got != 1 || label == nullptr || label->cmsg_level != SOL_SOCKET ||
      label->cmsg_type != SCM_RIGHTS || label->cmsg_len != CMSG_LEN(sizeof(int))) {
    return fail(ErrorKind::kInvalidInput, "local socket: no connection was handed over");
  }
  int descriptor = -1;
  std::memcpy(&descriptor, CMSG_DATA(label), sizeof descriptor);
  return handle_of(descriptor);
}

}  // namespace

Result<LocalConnection> LocalConnection::hand_over(const std::string& path, ByteView message,
                                                   milliseconds timeout) const {
  ASSIGN_OR_RETURN(LocalConnection taker, connect(path));
  if (!is_ours(taker.peer())) {
    return fail(ErrorKind::kRefused, "socket " + printable(path) + ": is served by another user");
  }
  TRY(send_descriptor(fd_of(taker.handle_), fd_of(handle_)));
  TRY(taker.send(message, timeout));
  return taker;
}

Result<HandedConnection> HandedConnection::take(std::size_t cap, milliseconds timeout) {
  Handle input = handle_of(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
  if (!input.valid()) return os_failure("take over", "standard input");
  ASSIGN_OR_RETURN(Peer peer, peer_of(input));
  if (!is_ours(peer)) {
    return fail(ErrorKind::kRefused, "local socket: user " + peer.account + " hands nothing over");
  }
  LocalConnection giver(std::move(input), std::move(peer));
  ASSIGN_OR_RETURN(Handle handed,
                   receive_descriptor(fd_of(giver.handle_), steady_clock::now() + timeout));
  ASSIGN_OR_RETURN(Peer asks, peer_of(handed));
  LocalConnection client(std::move(handed), std::move(asks));
  ASSIGN_OR_RETURN(std::optional<Bytes> message, giver.receive(cap, timeout));
  if (!message) return std::unexpected(socket_half::peer_gone());
  return HandedConnection{std::move(giver), std::move(client), std::move(*message)};
}

struct LocalListener::State {
  State(Handle socket, std::string place) : handle(std::move(socket)), path(std::move(place)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    // ignored: what stays is a dead socket, which the next listener takes away.
    static_cast<void>(::unlink(path.c_str()));
  }
  Handle handle;
  std::string path;
};

Result<LocalListener> LocalListener::listen(const std::string& path, SocketAccess access) {
  ASSIGN_OR_RETURN(const sockaddr_un address, address_of(path));
  TRY(check_folder(path));
  TRY(remove_dead_socket(path, address));
  Handle socket = handle_of(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return os_failure("make socket", path);
  // The mode of the socket's own inode holds for the name that bind makes (subject to the umask),
  // so that there is no moment in which everybody may connect to an owner's socket.
  if (::fchmod(fd_of(socket), 0600) != 0) return os_failure("protect socket", path);
  if (::bind(fd_of(socket), generic(address), sizeof address) != 0) {
    return os_failure("bind socket", path);
  }
  LocalListener listener(std::make_unique<State>(std::move(socket), path));
  const mode_t mode = access == SocketAccess::kEveryone ? 0666 : 0600;
  if (::chmod(path.c_str(), mode) != 0) return os_failure("set the mode of", path);
  if (::listen(fd_of(listener.state_->handle), 64) != 0) return os_failure("listen on", path);
  return listener;
}

LocalListener::LocalListener(std::unique_ptr<State> state) : state_(std::move(state)) {}
LocalListener::LocalListener(LocalListener&& other) noexcept = default;
LocalListener& LocalListener::operator=(LocalListener&& other) noexcept = default;
LocalListener::~LocalListener() = default;

Result<std::optional<LocalConnection>> LocalListener::accept(std::stop_token stop) {
  const posix::StopWaker waker(stop);
  while (true) {
    Handle socket = handle_of(::accept4(fd_of(state_->handle), nullptr, nullptr, SOCK_CLOEXEC));
    if (socket.valid()) {
      ASSIGN_OR_RETURN(Peer peer, peer_of(socket));
      return LocalConnection(std::move(socket), std::move(peer));
    }
    if (errno == ECONNABORTED || errno == EINTR) continue;
    if (errno != EAGAIN) return os_failure("accept on", state_->path);
    std::array<pollfd, 2> watched{{{fd_of(state_->handle), POLLIN, 0}, {waker.fd(), POLLIN, 0}}};
    if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) {
      return os_failure("wait on", state_->path);
    }
    if (watched[1].revents != 0) return std::nullopt;
  }
}

}  // namespace obhut::platform
