#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <spawn.h>
#include <sstream>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/desktop.h"
#include "platform/filesystem.h"

namespace obhut::platform {
namespace {

/// The port at the end of "0100007F:1F90" where the address before it is 127.0.0.1.
std::optional<std::uint16_t> loopback_port(const std::string& field) {
  // In the byte order of the machine, as the kernel prints it.
  const std::uint32_t loopback = 0x7F000001U;
  const auto* bytes = reinterpret_cast<const unsigned char*>(&loopback);
  const bool little = bytes[0] == 1;
  const std::string_view prefix = little ? "0100007F:" : "7F000001:";
  if (!field.starts_with(prefix)) return std::nullopt;
  std::uint16_t port = 0;
  const char* const end = field.data() + field.size();
  const auto read = std::from_chars(field.data() + prefix.size(), end, port, 16);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return port;
}

const char* set_variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : nullptr;
}

}  // namespace

SignedIn signed_in() {
  AccountNames names;
  SignedIn who;
  who.account = names.user(::getuid());
  if (who.account.empty()) who.account = std::to_string(::getuid());
  const char* home = set_variable("HOME");
  if (home != nullptr && *home == '/') who.home = home;
  return who;
}

std::string display_locale() {
  for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
    if (const char* value = set_variable(name)) return value;
  }
  return "";
}

bool is_own_connection(std::uint16_t listening, std::uint16_t from) {
  std::ifstream table("/proc/net/tcp");
  std::string line;
  std::getline(table, line);  // the columns' names
  while (std::getline(table, line)) {
    std::istringstream fields(line);
    std::string number, local, remote, state, queues, timer, retransmits;
    std::uint32_t owner = 0;
    if (!(fields >> number >> local >> remote >> state >> queues >> timer >> retransmits >>
          owner)) {
      continue;
    }
    if (loopback_port(local) != from || loopback_port(remote) != listening) continue;
    // What is closing belongs to nobody any more, and is listed as root's.
    constexpr std::string_view kEstablished = "01";
    return state == kEstablished && owner == ::getuid();
  }
  return false;
}

bool has_drives() {
  return false;
}

bool can_mount() {
  const bool helper =
      ::access("/usr/bin/fusermount3", X_OK) == 0 || ::access("/bin/fusermount3", X_OK) == 0;
  return ::access("/dev/fuse", R_OK | W_OK) == 0 && (helper || ::geteuid() == 0);
}

std::string session_folder() {
  const char* folder = set_variable("XDG_RUNTIME_DIR");
  return folder != nullptr && *folder == '/' ? folder : "";
}

bool may_write_in(const std::string& folder) {
  return ::access(folder.c_str(), W_OK | X_OK) == 0;
}

Result<void> show(const std::string& address_or_folder) {
  // A process group of its own and nobody's child: a browser that it becomes outlives us.
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t streams;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_init(&streams);
  sigset_t none;
  sigset_t usual;
  ::sigemptyset(&none);
  ::sigemptyset(&usual);
  ::sigaddset(&usual, SIGPIPE);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &usual);
  ::posix_spawnattr_setflags(
      &attributes,
      static_cast<short>(POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    ::posix_spawn_file_actions_addopen(&streams, stream, "/dev/null", O_RDWR, 0);
  }
  // The shell ends at once, and leaves to init what it started.
  std::string text = "command -v xdg-open >/dev/null || exit 3; xdg-open \"$1\" & exit 0";
  std::string what = address_or_folder;
  char shell[] = "sh";
  char option[] = "-c";
  char* arguments[] = {shell, option, text.data(), shell, what.data(), nullptr};
  pid_t child = 0;
  const int code = ::posix_spawnp(&child, shell, &streams, &attributes, arguments, environ);
  ::posix_spawn_file_actions_destroy(&streams);
  ::posix_spawnattr_destroy(&attributes);
  if (code != 0) return fail(ErrorKind::kUnsupported, "sh: cannot be started");
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(ErrorKind::kUnsupported, "xdg-open: is not installed");
}

}  // namespace obhut::platform
