#include <array>
#include <csignal>
#include <spawn.h>

#include <sys/wait.h>

#include "platform/detached.h"
#include "platform/os_error.h"
#include "platform/posix.h"

namespace obhut::platform {
namespace {

constexpr std::size_t kMostOutput = std::size_t{64} << 10U;

/// Freed when it goes.
struct Spawning {
  posix_spawnattr_t attributes{};
  posix_spawn_file_actions_t actions{};
  Spawning() {
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_init(&actions);
  }
  Spawning(const Spawning&) = delete;
  Spawning& operator=(const Spawning&) = delete;
  ~Spawning() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
};

std::unexpected<Error> start_failure(int code, const std::string& program) {
  return std::unexpected(os_error(code, Whose::kOurs, "start", program));
}

Result<pid_t> spawn(const std::string& program, const std::vector<std::string>& arguments,
                    int output) {
  Spawning with;
  // Ours are blocked and left to a thread that the other program does not have.
  sigset_t signals;
  sigemptyset(&signals);
  ::posix_spawnattr_setsigmask(&with.attributes, &signals);
  sigaddset(&signals, SIGPIPE);
  ::posix_spawnattr_setsigdefault(&with.attributes, &signals);
  ::posix_spawnattr_setflags(&with.attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  ::posix_spawn_file_actions_addopen(&with.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&with.actions, output, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&with.actions, output, STDERR_FILENO);
  ::posix_spawn_file_actions_addchdir_np(&with.actions, "/");
  std::vector<char*> words{const_cast<char*>(program.c_str())};
  for (const std::string& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_t child = -1;
  const int failed = ::posix_spawn(&child, program.c_str(), &with.actions, &with.attributes,
                                   words.data(), environ);
  if (failed != 0) return start_failure(failed, program);
  return child;
}

}  // namespace

Result<Started> start_detached(const std::string& program,
                               const std::vector<std::string>& arguments) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return start_failure(errno, program);
  const Handle read_end = posix::handle_of(ends[0]);
  Handle write_end = posix::handle_of(ends[1]);
  ASSIGN_OR_RETURN(const pid_t child, spawn(program, arguments, posix::fd_of(write_end)));
  write_end.close();
  Started started;
  for (char byte = 0;;) {
    const ssize_t got =
        posix::retry([&] { return ::read(posix::fd_of(read_end), &byte, sizeof byte); });
    if (got == 1 && byte == kReadyByte) {
      started.ready = true;
      return started;
    }
    if (got != 1) break;
    if (started.output.size() < kMostOutput) started.output.push_back(byte);
  }
  int status = 0;
  if (posix::retry([&] { return ::waitpid(child, &status, 0); }) != child) {
    return start_failure(errno, program);
  }
  constexpr int kSignalled = 128;
  started.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : kSignalled + WTERMSIG(status);
  return started;
}

}  // namespace obhut::platform
