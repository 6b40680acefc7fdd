#include <array>
#include <csignal>
#include <thread>

#include <poll.h>
#include <sys/signalfd.h>

#include "agent/base/check.h"
#include "platform/posix.h"
#include "platform/signals.h"
#include "platform/stop_waker.h"

namespace obhut::platform {
namespace {

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  return set;
}

}  // namespace

void ignore_closed_pipes() {
  std::signal(SIGPIPE, SIG_IGN);
}

struct StopOnSignal::State {
  explicit State(std::function<void()> reload) : on_reload(std::move(reload)) {
    ignore_closed_pipes();
    const sigset_t set = watched_signals();
    CHECK(::pthread_sigmask(SIG_BLOCK, &set, &mask_before) == 0);
    signals = posix::handle_of(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    CHECK(signals.valid());
    watcher = std::jthread([this](const std::stop_token& end) { watch(end); });
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    watcher.request_stop();
    watcher.join();
    // ignored: can only fail for a wrong argument.
    static_cast<void>(::pthread_sigmask(SIG_SETMASK, &mask_before, nullptr));
  }

  void watch(const std::stop_token& end) {
    const posix::StopWaker waker(end);
    while (!end.stop_requested()) {
      std::array<pollfd, 2> waiting{{{posix::fd_of(signals), POLLIN, 0}, {waker.fd(), POLLIN, 0}}};
      static_cast<void>(::poll(waiting.data(), waiting.size(), -1));  // ignored: looked at below
      signalfd_siginfo came{};
      if (::read(posix::fd_of(signals), &came, sizeof came) == sizeof came) {
        handle(static_cast<int>(came.ssi_signo));
      }
    }
  }

  void handle(int signal) {
    if (signal == SIGHUP && on_reload) return on_reload();
    if (!stop.request_stop()) ::_exit(128 + signal);
  }

  std::function<void()> on_reload;
  std::stop_source stop;
  sigset_t mask_before{};
  Handle signals;
  std::jthread watcher;
};

StopOnSignal::StopOnSignal(std::function<void()> on_reload)
    : state_(std::make_unique<State>(std::move(on_reload))) {}
StopOnSignal::~StopOnSignal() = default;

std::stop_token StopOnSignal::token() const {
  return state_->stop.get_token();
}
void StopOnSignal::request_stop() {
  state_->stop.request_stop();
}

}  // namespace obhut::platform
