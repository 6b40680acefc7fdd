#include <atomic>

#include "agent/base/check.h"
#include "platform/signals.h"
#include "platform/win.h"

namespace obhut::platform {
namespace {

/// Ctrl-C as POSIX programs tell it.
constexpr UINT kEndedByControl = 130;

/// The system calls a plain function, on a thread of its own.
std::atomic<std::stop_source*> watching{nullptr};

BOOL WINAPI on_control(DWORD /*kind*/) {
  std::stop_source* const source = watching.load();
  if (source == nullptr) return FALSE;
  // Each of them ends the process once this returns, save Ctrl-C and Ctrl-Break; a console that
  // closes gives us some seconds, which every file that we replace outlives in any case.
  if (!source->request_stop()) ::TerminateProcess(::GetCurrentProcess(), kEndedByControl);
  return TRUE;
}

}  // namespace

// A write to a closed pipe is an error here and nothing else.
void ignore_closed_pipes() {}

struct StopOnSignal::State {
  State() {
    CHECK(watching.exchange(&stop) == nullptr);
    CHECK(::SetConsoleCtrlHandler(on_control, TRUE) != 0);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    // ignored: can only fail for a handler that is not there.
    static_cast<void>(::SetConsoleCtrlHandler(on_control, FALSE));
    watching = nullptr;
  }
  std::stop_source stop;
};

// There is no signal that asks to read the configuration again.
StopOnSignal::StopOnSignal(std::function<void()> /*on_reload*/)
    : state_(std::make_unique<State>()) {}
StopOnSignal::~StopOnSignal() = default;

std::stop_token StopOnSignal::token() const {
  return state_->stop.get_token();
}
void StopOnSignal::request_stop() {
  state_->stop.request_stop();
}

}  // namespace obhut::platform
