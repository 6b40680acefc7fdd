#include <array>
#include <termios.h>

#include <poll.h>
#include <sys/ioctl.h>

#include "agent/base/bytes.h"
#include "platform/os_error.h"
#include "platform/posix.h"
#include "platform/stop_waker.h"
#include "platform/terminal.h"

namespace obhut::platform {
namespace {

int fd_of_stream(Stream stream) {
  switch (stream) {
    case Stream::kInput:
      return STDIN_FILENO;
    case Stream::kOutput:
      return STDOUT_FILENO;
    case Stream::kError:
      return STDERR_FILENO;
  }
  return STDERR_FILENO;
}

/// Echo is off for as long as this lives.
class WithoutEcho {
 public:
  WithoutEcho() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    quiet.c_lflag |= ECHONL;
    changed_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
  }
  WithoutEcho(const WithoutEcho&) = delete;
  WithoutEcho& operator=(const WithoutEcho&) = delete;
  ~WithoutEcho() {
    // ignored: the terminal has gone.
    if (changed_) static_cast<void>(::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_));
  }
  [[nodiscard]] bool works() const { return changed_; }

 private:
  termios before_{};
  bool changed_ = false;
};

}  // namespace

bool is_terminal(Stream stream) {
  return ::isatty(fd_of_stream(stream)) == 1;
}

unsigned terminal_width() {
  for (const int fd : {STDERR_FILENO, STDOUT_FILENO}) {
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  }
  return 80;
}

Result<std::string> ask_secret(std::string_view prompt) {
  if (!is_terminal(Stream::kInput)) {
    return fail(ErrorKind::kInvalidInput,
                "standard input is no terminal, so nobody can be asked; pass a file instead");
  }
  const WithoutEcho quiet;
  if (!quiet.works())
    return fail(ErrorKind::kUnsupported, "the terminal cannot hide what is typed");
  if (::write(STDERR_FILENO, prompt.data(), prompt.size()) < 0) {
    return std::unexpected(os_error(errno, Whose::kOurs, "ask on", "the terminal"));
  }
  std::string answer;
  answer.reserve(1024);  // so that growing leaves no copies behind
  char c = '\0';
  while (answer.size() < 1024) {
    const ssize_t got = posix::retry([&] { return ::read(STDIN_FILENO, &c, 1); });
    if (got < 0) return std::unexpected(os_error(errno, Whose::kOurs, "read", "the terminal"));
    if (got == 0 || c == '\n') return answer;
    answer.push_back(c);
  }
  return fail(ErrorKind::kInvalidInput, "the answer is longer than 1023 characters");
}

// A terminal gives whole lines, one a read. Read without the C library's buffer: what it holds
// would not be seen by poll(), and without poll() no stop would be heard.
Result<std::optional<std::string>> ask_line(std::string_view prompt, const std::stop_token& stop) {
  if (::write(STDOUT_FILENO, prompt.data(), prompt.size()) < 0) {
    return std::unexpected(os_error(errno, Whose::kOurs, "ask on", "the terminal"));
  }
  const posix::StopWaker waker(stop);
  std::string line;
  for (;;) {
    std::array<pollfd, 2> waiting{{{STDIN_FILENO, POLLIN, 0}, {waker.fd(), POLLIN, 0}}};
    if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) {
      return std::unexpected(os_error(errno, Whose::kOurs, "wait for", "the terminal"));
    }
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "the terminal");
    if (waiting[0].revents == 0) continue;
    std::array<char, 4096> part{};
    const ssize_t got =
        posix::retry([&] { return ::read(STDIN_FILENO, part.data(), part.size()); });
    if (got < 0) return std::unexpected(os_error(errno, Whose::kOurs, "read", "the terminal"));
    if (got == 0) return line.empty() ? std::nullopt : std::optional(line);
    line.append(part.data(), static_cast<std::size_t>(got));
    if (line.back() != '\n') continue;
    line.pop_back();
    return line;
  }
}

}  // namespace obhut::platform
