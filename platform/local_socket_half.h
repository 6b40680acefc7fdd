#pragma once
// What each system does its own way when bytes go through a local socket. Part of local_socket.

#include <chrono>
#include <stop_token>

#include "platform/local_socket.h"

namespace obhut::platform::socket_half {

using Deadline = std::chrono::steady_clock::time_point;

/// Reads until `into` is full. The number of bytes, fewer only where the peer closed. Errors:
/// kTimeout, kCancelled.
Result<std::size_t> read_full(const Handle& socket, MutableByteView into, Deadline deadline,
                              const std::stop_token& stop);
/// Errors: kTimeout, kCancelled, kUnavailable where the peer has gone.
Result<void> write_full(const Handle& socket, ByteView bytes, Deadline deadline,
                        const std::stop_token& stop);

Error peer_gone();
Error peer_silent();

}  // namespace obhut::platform::socket_half
