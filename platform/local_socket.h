#pragma once
// Messages between processes of one machine, with the peer's identity told by the kernel. A path
// names a socket on POSIX, and a pipe (which is no file) on Windows.
//
// A message is u32 length (little-endian) and that many bytes.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "agent/base/bytes.h"
#include "agent/base/result.h"
#include "platform/caller.h"
#include "platform/handle.h"

namespace obhut::platform {

/// Who is on the other end, as the kernel saw it when the connection was made.
struct Peer {
  std::uint32_t uid = 0;  ///< of the effective user; meaningless on Windows, where `account` counts
  std::uint32_t gid = 0;
  std::int64_t pid = 0;
  std::string account;         ///< user name, or the number where it has none; on Windows the SID
  bool administrator = false;  ///< root, or an elevated administrator
  CallerPtr caller;            ///< to touch files as the peer does
};

/// One connection. Closed when dropped.
/// Thread: one sender and one receiver at a time.
class LocalConnection {
 public:
  /// Errors: kUnavailable where nobody listens, kRefused.
  static Result<LocalConnection> connect(const std::string& path);

  [[nodiscard]] const Peer& peer() const { return peer_; }

  /// Errors: kTimeout where the peer does not take it in time, kUnavailable where it has gone.
  Result<void> send(ByteView message, std::chrono::milliseconds timeout, std::stop_token stop = {});
  /// Nothing where the peer closed between two messages. The timeout is for the whole message.
  /// Errors: kInvalidInput where it announces more than `cap` bytes (the connection is useless
  /// then), kTimeout, kUnavailable where it closed within a message, kCancelled.
  Result<std::optional<Bytes>> receive(std::size_t cap, std::chrono::milliseconds timeout,
                                       std::stop_token stop = {});

  /// Gives the other end to whoever listens at `path` (a process of ours), to be answered there,
  /// and with it `message`, which that process gets by HandedConnection::take(). Out: a connection
  /// to that process, closed when it ends. Errors: kUnavailable where nobody listens; kRefused
  /// where that is neither root nor we; kUnsupported where the system has no such thing.
  Result<LocalConnection> hand_over(const std::string& path, ByteView message,
                                    std::chrono::milliseconds timeout) const;

 private:
  friend struct HandedConnection;
  friend class LocalListener;
  LocalConnection(Handle handle, Peer peer) : handle_(std::move(handle)), peer_(std::move(peer)) {}
  Handle handle_;
  Peer peer_;
};

/// The other side of hand_over().
struct HandedConnection {
  LocalConnection giver;
  LocalConnection client;  ///< with its peer as the kernel saw it when that connection was made
  Bytes message;

  /// From our standard input, which is the giver's connection. Errors: kRefused where the giver is
  /// neither root nor we; kInvalidInput for more than `cap` bytes; kUnsupported.
  static Result<HandedConnection> take(std::size_t cap, std::chrono::milliseconds timeout);
};

enum class SocketAccess : std::uint8_t {
  kEveryone,  ///< every local user may connect; the server decides by Peer
  kOwner,
};

/// Waits for connections. Removes its socket when dropped.
class LocalListener {
 public:
  /// The folder must belong to us (or root) and be writable by nobody else: otherwise somebody
  /// could put another socket in our place. A socket left by a dead process is replaced; anything
  /// else at `path`, a socket of another owner, or one that answers is kConflict or kRefused. On
  /// Windows there is no folder to be asked: a pipe of that name that is there already is
  /// kConflict.
  static Result<LocalListener> listen(const std::string& path, SocketAccess access);
  LocalListener(LocalListener&& other) noexcept;
  LocalListener& operator=(LocalListener&& other) noexcept;
  ~LocalListener();

  /// Waits; nothing once `stop` was asked for. An error is of one connection (or, kUnavailable,
  /// too many open files): go on accepting.
  Result<std::optional<LocalConnection>> accept(std::stop_token stop);

 private:
  struct State;
  explicit LocalListener(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace obhut::platform
