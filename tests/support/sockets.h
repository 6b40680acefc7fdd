#pragma once
// Sockets for the tests' own servers, on either system.

#ifdef _WIN32
#include <winsock2.h>
#include <ws2tcpip.h>

namespace obhut::tests {

inline void use_sockets() {
  static const int started = [] {
    WSADATA unused{};
    return ::WSAStartup(MAKEWORD(2, 2), &unused);
  }();
  static_cast<void>(started);
}
inline void close_socket(int socket) {
  ::closesocket(static_cast<SOCKET>(socket));
}
/// Whoever waits in accept() comes back from it: by a connection, since Wine does not hear of a close.
inline void stop_listening(int listener) {
  sockaddr_in address{};
  int size = sizeof address;
  ::getsockname(static_cast<SOCKET>(listener), reinterpret_cast<sockaddr*>(&address), &size);
  const SOCKET caller = ::socket(AF_INET, SOCK_STREAM, 0);
  static_cast<void>(::connect(caller, reinterpret_cast<sockaddr*>(&address), sizeof address));
  ::closesocket(caller);
}
inline void end_connection(int socket) {
  ::shutdown(static_cast<SOCKET>(socket), SD_BOTH);
}
inline bool wait_to_read(int socket, int milliseconds) {
  pollfd watched{static_cast<SOCKET>(socket), POLLIN, 0};
  return ::WSAPoll(&watched, 1, milliseconds) > 0;
}

}  // namespace obhut::tests
#else
#include <csignal>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace obhut::tests {

inline void use_sockets() {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to sockets that the client has closed
}
inline void close_socket(int socket) {
  ::close(socket);
}
inline void stop_listening(int socket) {
  ::shutdown(socket, SHUT_RDWR);
}
inline void end_connection(int socket) {
  ::shutdown(socket, SHUT_RDWR);
}
inline bool wait_to_read(int socket, int milliseconds) {
  pollfd watched{socket, POLLIN, 0};
  return ::poll(&watched, 1, milliseconds) > 0;
}

}  // namespace obhut::tests
#endif
