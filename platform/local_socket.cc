#include "platform/local_socket.h"

#include <algorithm>
#include <array>

#include "agent/base/codec.h"
#include "platform/local_socket_half.h"

namespace obhut::platform {

using socket_half::peer_gone;
using socket_half::read_full;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

Error socket_half::peer_gone() {
  return {ErrorKind::kUnavailable, "local socket: the peer closed the connection"};
}

Error socket_half::peer_silent() {
  return {ErrorKind::kTimeout, "local socket: the peer is silent"};
}

Result<void> LocalConnection::send(ByteView message, milliseconds timeout, std::stop_token stop) {
  if (message.size() > 0xffffffffU) {
    return fail(ErrorKind::kInvalidInput, "local socket: message longer than 4 GiB");
  }
  Writer framed;
  framed.u32(static_cast<std::uint32_t>(message.size()));
  framed.raw(message);
  return socket_half::write_full(handle_, framed.bytes(), steady_clock::now() + timeout, stop);
}

Result<std::optional<Bytes>> LocalConnection::receive(std::size_t cap, milliseconds timeout,
                                                      std::stop_token stop) {
  const auto deadline = steady_clock::now() + timeout;
  std::array<std::uint8_t, 4> head{};
  ASSIGN_OR_RETURN(const std::size_t head_size, read_full(handle_, head, deadline, stop));
  if (head_size == 0) return std::nullopt;
  if (head_size < head.size()) return std::unexpected(peer_gone());
  const std::size_t length = Reader(head).u32();
  if (length > cap) {
    return fail(ErrorKind::kInvalidInput, "local socket: a message of " + std::to_string(length) +
                                              " bytes was announced, " + std::to_string(cap) +
                                              " are allowed");
  }
  // Grown as the bytes come: an announced length alone must cost nothing.
  constexpr std::size_t kStep = 1 << 20;
  Bytes message;
  while (message.size() < length) {
    const std::size_t before = message.size();
    message.resize(std::min(length, before + kStep));
    const MutableByteView part = MutableByteView(message).subspan(before);
    ASSIGN_OR_RETURN(const std::size_t got, read_full(handle_, part, deadline, stop));
    if (got < part.size()) return std::unexpected(peer_gone());
  }
  return message;
}

}  // namespace obhut::platform
