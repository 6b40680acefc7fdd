#include <algorithm>
#include <array>
#include <csignal>
#include <spawn.h>

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "platform/os_error.h"
#include "platform/posix.h"
#include "platform/process.h"
#include "platform/stop_waker.h"

extern char** environ;

namespace obhut::platform {

using posix::fd_of;
using posix::handle_of;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

struct Pipe {
  Handle read_end;
  Handle write_end;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return std::unexpected(os_error(errno, Whose::kOurs, "make", "a pipe"));
  }
  return Pipe{Handle(ends[0]), Handle(ends[1])};
}

/// What posix_spawn wants to be told, freed in the end.
class SpawnPlan {
 public:
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  void connect(const Handle& end, int stream) {
    ::posix_spawn_file_actions_adddup2(&actions_, fd_of(end), stream);
  }
  void finish(const std::string& working_directory) {
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, 3);
    if (!working_directory.empty()) {
      ::posix_spawn_file_actions_addchdir_np(&actions_, working_directory.c_str());
    }
    // A group of its own, to be ended with all it started; and no signal blocked or ignored only
    // because we do that.
    sigset_t none;
    sigset_t ours;
    sigemptyset(&none);
    sigemptyset(&ours);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) sigaddset(&ours, signal);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &ours);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  int start(pid_t& pid, const std::string& program, char* const* arguments,
            char* const* environment) {
    return ::posix_spawnp(&pid, program.c_str(), &actions_, &attributes_, arguments, environment);
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// write() to a program that may have closed its end: EPIPE, and never a SIGPIPE that would end us
/// where nobody ignores it.
ssize_t write_without_signal(int fd, const void* bytes, std::size_t size) {
  sigset_t pipe_only;
  sigset_t before;
  sigset_t pending;
  sigemptyset(&pipe_only);
  sigaddset(&pipe_only, SIGPIPE);
  sigemptyset(&pending);
  ::sigpending(&pending);
  ::pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
  const ssize_t done = ::write(fd, bytes, size);
  const int code = errno;
  if (done < 0 && code == EPIPE && sigismember(&pending, SIGPIPE) == 0) {
    const timespec now{};
    ::sigtimedwait(&pipe_only, nullptr, &now);
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = code;
  return done;
}

/// A started program with our ends of its pipes.
class Running {
 public:
  Running(const Command& command, pid_t pid, Handle input, Handle output, Handle error)
      : command_(command),
        pid_(pid),
        exit_event_(handle_of(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)))),
        input_(std::move(input)),
        output_(std::move(output)),
        error_(std::move(error)) {
    for (const Handle* end : {&input_, &output_, &error_}) {
      static_cast<void>(::fcntl(fd_of(*end), F_SETFL, O_NONBLOCK));  // ignored: cannot fail
    }
    if (command_.input.empty()) input_.close();
  }

  Result<Outcome> finish(const std::stop_token& stop);

 private:
  void end_group(int signal) const { static_cast<void>(::kill(-pid_, signal)); }  // ignored: gone
  void feed();
  void drain(Handle& end, std::string& into);
  void wait_for_something(milliseconds at_most, int stop_fd);
  [[nodiscard]] bool ended() {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == pid_;
  }

  const Command& command_;
  pid_t pid_;
  Handle exit_event_;
  Handle input_;
  Handle output_;
  Handle error_;
  std::size_t fed_ = 0;
  Outcome outcome_;
};

void Running::feed() {
  while (input_.valid()) {
    const std::size_t left = command_.input.size() - fed_;
    const ssize_t done =
        left == 0 ? 0 : write_without_signal(fd_of(input_), command_.input.data() + fed_, left);
    if (done < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (done <= 0) return input_.close();  // all given, or the program does not want it
    fed_ += static_cast<std::size_t>(done);
  }
}

void Running::drain(Handle& end, std::string& into) {
  // Not without end: a program that writes faster than we read must still meet its deadline. All
  // that a pipe can hold is read at once.
  constexpr int kMostReads = 64;
  std::array<char, 16 * 1024> buffer;
  for (int i = 0; i < kMostReads && end.valid(); ++i) {
    const ssize_t got = ::read(fd_of(end), buffer.data(), buffer.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return end.close();
    const std::size_t room = command_.output_cap - std::min(command_.output_cap, into.size());
    const std::size_t taken = std::min(room, static_cast<std::size_t>(got));
    into.append(buffer.data(), taken);
    if (taken < static_cast<std::size_t>(got)) outcome_.truncated = true;
  }
}

void Running::wait_for_something(milliseconds at_most, int stop_fd) {
  // Without an exit event (an old kernel) we look again soon.
  if (!exit_event_.valid()) at_most = std::min(at_most, milliseconds(20));
  std::array<pollfd, 5> watched{{{fd_of(output_), POLLIN, 0},
                                 {fd_of(error_), POLLIN, 0},
                                 {fd_of(input_), POLLOUT, 0},
                                 {fd_of(exit_event_), POLLIN, 0},
                                 {stop_fd, POLLIN, 0}}};
  constexpr std::int64_t kLongest = 3'600'000;
  const auto limit = std::clamp<std::int64_t>(at_most.count(), 0, kLongest);
  // ignored: every reason to wake is looked at by the caller anyway.
  static_cast<void>(::poll(watched.data(), watched.size(), static_cast<int>(limit)));
}

Result<Outcome> Running::finish(const std::stop_token& stop) {
  const posix::StopWaker waker(stop);
  constexpr milliseconds kGrace{2000};  // between asking it to end and ending it
  auto deadline = steady_clock::now() + command_.timeout;
  bool stopping = false;
  bool asked_to_end = false;
  bool cancelled = false;
  while (!ended()) {
    if (stop.stop_requested() && !stopping && !asked_to_end) {
      stopping = true;
      deadline = std::min(deadline, steady_clock::now() + command_.stop_patience);
    }
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    if (left <= milliseconds::zero()) {
      end_group(asked_to_end ? SIGKILL : SIGTERM);
      cancelled = stopping;
      outcome_.timed_out = !cancelled;
      asked_to_end = true;
      deadline = steady_clock::now() + kGrace;
      continue;
    }
    wait_for_something(left, stopping || asked_to_end ? -1 : waker.fd());
    feed();
    drain(output_, outcome_.output);
    drain(error_, outcome_.error_output);
  }
  // While it is not yet waited for, its group's number is nobody else's.
  if (asked_to_end) end_group(SIGKILL);
  drain(output_, outcome_.output);
  drain(error_, outcome_.error_output);
  int status = 0;
  if (posix::retry([&] { return ::waitpid(pid_, &status, 0); }) < 0) {
    return std::unexpected(os_error(errno, Whose::kOurs, "wait for", command_.program));
  }
  if (cancelled) return fail(ErrorKind::kCancelled, "run " + command_.program);
  outcome_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return std::move(outcome_);
}

}  // namespace

Result<Outcome> run(const Command& command, std::stop_token stop) {
  ASSIGN_OR_RETURN(Pipe input, make_pipe());
  ASSIGN_OR_RETURN(Pipe output, make_pipe());
  ASSIGN_OR_RETURN(Pipe error, make_pipe());
  SpawnPlan plan;
  plan.connect(input.read_end, STDIN_FILENO);
  plan.connect(output.write_end, STDOUT_FILENO);
  plan.connect(command.join_streams ? output.write_end : error.write_end, STDERR_FILENO);
  plan.finish(command.working_directory);
  std::vector<std::string> arguments{command.program};
  arguments.insert(arguments.end(), command.arguments.begin(), command.arguments.end());
  std::vector<std::string> variables;
  if (command.environment) {
    for (const auto& [name, value] : *command.environment) {
      variables.push_back(name);
      variables.back().append("=").append(value);
    }
  }
  const std::vector<char*> argument_pointers = pointers_to(arguments);
  const std::vector<char*> variable_pointers = pointers_to(variables);
  pid_t pid = -1;
  const int code = plan.start(pid, command.program, argument_pointers.data(),
                              command.environment ? variable_pointers.data() : environ);
  if (code != 0) return std::unexpected(os_error(code, Whose::kOurs, "start", command.program));
  input.read_end.close();
  output.write_end.close();
  error.write_end.close();
  return Running(command, pid, std::move(input.write_end), std::move(output.read_end),
                 std::move(error.read_end))
      .finish(stop);
}

}  // namespace obhut::platform
