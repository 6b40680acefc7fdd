#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <execinfo.h>
#include <memory>
#include <span>
#include <string_view>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "platform/crash_dump.h"
#include "platform/crash_files.h"
#include "platform/os_error.h"

namespace obhut::platform {
namespace {

constexpr std::array kSignals = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

/// All that a crash needs was made before it: the heap may be what is broken.
struct Report {
  std::array<char, 1024> folder{};
  std::array<void*, 128> frames{};
};
Report& the_report() {
  static Report report;
  return report;
}

/// A line that is put together without the heap.
class Line {
 public:
  void text(std::string_view part) {
    const std::size_t length = std::min(part.size(), line_.size() - 1 - size_);
    std::ranges::copy(part.substr(0, length), line_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += length;
  }
  void number(std::uint64_t value, unsigned base = 10, unsigned digits = 1) {
    std::array<char, 24> reversed{};
    std::size_t count = 0;
    for (; value != 0 || count < digits; value /= base) {
      reversed[count++] = "0123456789abcdef"[value % base];
    }
    while (count > 0) text({&reversed[--count], 1});
  }
  [[nodiscard]] const char* c_str() const { return line_.data(); }
  void write_to(int file) const {
    // A report that is cut off is better than none.
    static_cast<void>(!::write(file, line_.data(), size_));
  }

 private:
  std::array<char, 1200> line_{};
  std::size_t size_ = 0;
};

/// "20261130-201500", by UTC.
void put_time(Line& line) {
  using namespace std::chrono;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const sys_seconds at{seconds(now.tv_sec)};
  const auto day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss clock(at - day);
  line.number(static_cast<std::uint64_t>(static_cast<int>(date.year())), 10, 4);
  line.number(static_cast<unsigned>(date.month()), 10, 2);
  line.number(static_cast<unsigned>(date.day()), 10, 2);
  line.text("-");
  line.number(static_cast<std::uint64_t>(clock.hours().count()), 10, 2);
  line.number(static_cast<std::uint64_t>(clock.minutes().count()), 10, 2);
  line.number(static_cast<std::uint64_t>(clock.seconds().count()), 10, 2);
}

std::string_view name_of(int signal) {
  switch (signal) {
    case SIGSEGV:
      return "SIGSEGV";
    case SIGBUS:
      return "SIGBUS";
    case SIGFPE:
      return "SIGFPE";
    case SIGILL:
      return "SIGILL";
    default:
      return "SIGABRT";
  }
}

void write_report(int signal, const siginfo_t& what) {
  Report& report = the_report();
  Line path;
  path.text(report.folder.data());
  path.text("/crash-");
  put_time(path);
  path.text("-");
  path.number(static_cast<std::uint64_t>(::getpid()));
  path.text(".txt");
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) return;
  Line line;
  line.text(name_of(signal));
  if (signal != SIGABRT) {
    line.text(" at address 0x");
    line.number(reinterpret_cast<std::uintptr_t>(what.si_addr), 16);
  }
  line.text(", thread ");
  line.number(static_cast<std::uint64_t>(::gettid()));
  line.text("\n");
  line.write_to(file);
  const int depth = ::backtrace(report.frames.data(), static_cast<int>(report.frames.size()));
  ::backtrace_symbols_fd(report.frames.data(), depth, file);
  ::close(file);
}

/// Once: a second crash while the first is written ends the process as it would have anyway.
void on_crash(int signal, siginfo_t* what, void* /*context*/) {
  for (const int other : kSignals) ::signal(other, SIG_DFL);
  write_report(signal, *what);
  ::raise(signal);  // for whoever waits for us, and the system's own dumps
}

}  // namespace

Result<void> keep_crash_dumps(const std::string& folder) {
  TRY(make_room_for_crash(folder));
  Report& report = the_report();
  if (folder.size() >= report.folder.size()) {
    return fail(ErrorKind::kInvalidInput, "crash dumps: the folder's path is too long");
  }
  std::copy(folder.begin(), folder.end(), report.folder.begin());
  // The first call loads what it needs: not when the heap is broken.
  static_cast<void>(::backtrace(report.frames.data(), 1));
  // Where a stack runs over there is no room on it for this; of threads that we did not make, the
  // report is then missing.
  constexpr std::size_t kStack = std::size_t{64} << 10U;
  static const auto kSpare = std::make_unique<std::array<std::byte, kStack>>();
  stack_t stack{};
  stack.ss_sp = kSpare->data();
  stack.ss_size = kSpare->size();
  if (::sigaltstack(&stack, nullptr) != 0)
    return std::unexpected(os_error(errno, Whose::kOurs, "prepare", "crash dumps"));
  struct sigaction action {};
  action.sa_sigaction = &on_crash;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  for (const int signal : kSignals) {
    if (::sigaction(signal, &action, nullptr) != 0)
      return std::unexpected(os_error(errno, Whose::kOurs, "prepare", "crash dumps"));
  }
  return {};
}

}  // namespace obhut::platform
