#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string_view>
#include <thread>

#include <sys/socket.h>
#include <sys/un.h>

#include "agent/base/guarded.h"
#include "platform/posix.h"
#include "platform/service_host.h"
#include "platform/signals.h"

namespace obhut::platform {
namespace {

std::string taken_from_environment(const char* name) {
  const char* value = std::getenv(name);
  std::string taken = value != nullptr ? value : "";
  ::unsetenv(name);  // not for what we start
  return taken;
}

/// 0 where there is none.
std::uint64_t number_from_environment(const char* name) {
  const std::string text = taken_from_environment(name);
  std::uint64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  return fault == std::errc() && end == text.data() + text.size() ? number : 0;
}

/// systemd, by its documented protocol: datagrams of lines to the socket that it names
/// (sd_notify(3)).
class SystemdHost final : public ServiceHost {
 public:
  explicit SystemdHost(const std::string& address) : address_(address) {
    const std::uint64_t within = number_from_environment("WATCHDOG_USEC");
    const std::uint64_t process = number_from_environment("WATCHDOG_PID");
    if (within > 0 && (process == 0 || process == static_cast<std::uint64_t>(::getpid()))) {
      // Twice within the time, as the manager asks.
      sign_every_ = std::chrono::microseconds(within / 2);
    }
  }

  [[nodiscard]] std::stop_token stop() const override { return signals_.token(); }
  // Nothing but to stop is told by signals.
  void on_event(std::function<void(ServiceEvent)> /*call*/) override {}
  void watch(std::function<bool()> alive) override {
    alive_.with([&](auto& held) { held = std::move(alive); });
  }
  void started() override {
    tell("READY=1");
    if (sign_every_) signs_ = std::jthread([this](const std::stop_token& end) { sign(end); });
  }

 private:
  /// Whoever hangs where `alive` looks gives no sign, and is started again.
  void sign(const std::stop_token& end) {
    std::mutex mutex;
    std::condition_variable_any ended;
    std::unique_lock lock(mutex);
    do {
      if (alive_.with([](const auto& alive) { return !alive || alive(); })) tell("WATCHDOG=1");
    } while (!ended.wait_for(lock, end, *sign_every_, [&] { return end.stop_requested(); }));
  }

  void tell(std::string_view what) const {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    if (address_.size() >= sizeof to.sun_path) return;
    address_.copy(to.sun_path, address_.size());
    if (to.sun_path[0] == '@') to.sun_path[0] = '\0';  // a name that no file system has
    const Handle socket = posix::handle_of(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
    // ignored: a manager that does not listen finds out by itself.
    static_cast<void>(posix::retry([&] {
      return ::sendto(posix::fd_of(socket), what.data(), what.size(), MSG_NOSIGNAL,
                      reinterpret_cast<const sockaddr*>(&to), length);
    }));
  }

  std::string address_;
  StopOnSignal signals_;
  std::optional<std::chrono::microseconds> sign_every_;
  Guarded<std::function<bool()>> alive_;
  // A backup under way takes some time to end: the manager knows from when on.
  std::stop_callback<std::function<void()>> stopping_{signals_.token(),
                                                      [this] { tell("STOPPING=1"); }};
  std::jthread signs_;
};

}  // namespace

std::optional<int> run_as_service(const std::string& /*name*/,
                                  const std::function<int(ServiceHost&)>& run) {
  const std::string address = taken_from_environment("NOTIFY_SOCKET");
  if (!address.starts_with('/') && !address.starts_with('@')) return std::nullopt;
  SystemdHost host(address);
  return run(host);
}

}  // namespace obhut::platform
